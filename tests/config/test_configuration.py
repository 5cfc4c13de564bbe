"""Mistakes in a configuration end in one line that says it all; values are cast before they are hashed."""

from __future__ import annotations

from typing import Literal

import pytest

from benchmark.config.components import ConfigurationError, check_options, check_value, locate
from benchmark.config.mistakes import named
from benchmark.training.loading import device_of
from models.types import Count, NonNegative, Variance
from tests.support.composing import compose

MISTAKES = {
    ("objective=beta_vae", "objective.bta=4"): "objective.bta: no such key; did you mean beta?",
    ("objective=nope",): "objective=nope: no such choice",
    ("objective=beta_va",): "did you mean beta_vae?",
    ("objectve=elbo",): "objectve: no such key; did you mean objective?",
    ("sed=3",): "sed: no such key; did you mean seed?",
    ("objective=iwae", "objective.num_samples=0"): "objective.num_samples=0: Input should be greater",
    ("objective=beta_vae", "objective.beta=-1"): "objective.beta=-1: Input should be greater than or equal to 0",
    ("objective=beta_vae", "objective.beta=two"): "objective.beta=two: Input should be a valid number",
    ("objective=beta_vae", "objective.beta=true"): "objective.beta=true: expected",
    ("objective=beta_vae", "objective.beta=inf"): "objective.beta=inf: Input should be a finite number",
    ("model.latent_dim=0",): "model.latent_dim=0: Input should be greater than or equal to 1",
    ("likelihood._target_=benchmark.__main__.main",): "likelihood._target_=benchmark.__main__.main: must",
    ("prior._target_=models.sampling.draw",): "prior._target_=models.sampling.draw: must be a class",
    ("posterior._target_=models.priors.Mixture", "~posterior.scale"): "must be a class derived from models.posteriors",
    ("model.likelihood=poisson",): "model.likelihood=poisson: no such choice; there are bernoulli, gaussian",
    ("seed=-1",): "seed=-1: Input should be greater than or equal to 0",
    ("trainer.steps=many",): "trainer.steps=many: Input should be a valid integer",
    ("metrics=[rate_distortion,nope]",): "metrics=nope: no such choice",
    ("+objective.gamma=2",): "objective.gamma: no such option",
    ("+colour=red",): "colour: no such key",
    ("trainer.optimizer_option={eps: 1}",): "trainer.optimizer_option: no such key; did you mean optimizer_options?",
    ("trainer.optimizer_options.eps=inf",): "trainer.optimizer_options.eps=inf: Input should be a finite number",
    ("trainer.optimizer_options={eps: small}",): "trainer.optimizer_options.eps=small: Input should be a valid number",
}


@pytest.mark.parametrize("overrides", MISTAKES, ids=" ".join)
def test_a_mistake_is_one_clear_line(overrides):
    with pytest.raises(ConfigurationError) as caught:
        compose(list(overrides))
    first = str(caught.value).splitlines()[0]
    assert MISTAKES[overrides] in first, first


@pytest.mark.parametrize("name", ["gpu", "tpu", "cuda:99", "mps"])
def test_unknown_devices_are_refused(name):
    with pytest.raises(ConfigurationError, match=f"device={name}"):
        device_of(name)


def test_one_and_one_point_zero_are_the_same_run():
    plans = [compose(["objective=beta_vae", f"objective.beta={beta}"]) for beta in ("1", "1.0", "1e0")]
    assert len({plan.folder for plan in plans}) == 1


@pytest.mark.parametrize(
    "overrides",
    [
        ("trainer.optimizer_options={momentum: 0.9}",),
        ("trainer.optimizer_options.momentum=0.9",),
        ("+trainer.optimizer_options.momentum=0.9",),
    ],
    ids=" ".join,
)
def test_an_optimiser_takes_options_that_no_file_has(overrides):
    plan = compose(["trainer=higgins2017", "trainer.optimizer=SGD", *overrides])
    options = {"fused": True, "initial_accumulator_value": 0.1, "momentum": 0.9}
    assert plan.trainer.options["optimizer_options"] == options
    less = compose([*overrides, "~trainer.optimizer_options.fused"])
    assert less.trainer.options["optimizer_options"] == {"momentum": 0.9}


def test_metrics_folders_and_force_are_not_part_of_the_identity():
    plain = compose([])
    for override in ("metrics=[rate_distortion]", "force=true", "device=cpu", "threads=2", "rank_by=elbo"):
        assert compose([override]).folder == plain.folder
    for override in ("seed=1", "objective=iwae", "model.latent_dim=7", "trainer.steps=9", "dataset.split_seed=4"):
        assert compose([override]).folder != plain.folder


def test_references_have_no_objective_and_no_trainer():
    for name in ("pca", "ica", "pixels", "truth", "rotated_truth", "noise"):
        plan = compose([f"model={name}", "objective=iwae"])
        assert plan.objective is plan.trainer is None
        assert plan.folder == compose([f"model={name}", "trainer.steps=7"]).folder
    assert compose(["objective=untrained"]).trainer is None


@pytest.mark.parametrize(
    ("kind", "value", "cast"),
    [
        (Count, "7", 7),
        (NonNegative, 1, 1.0),
        (Variance, "learned", "learned"),
        (Variance, 2, 2.0),
        (Literal["a"], "a", "a"),
    ],
)
def test_values_are_cast(kind, value, cast):
    found = check_value("key", kind, value)
    assert found == cast
    assert type(found) is type(cast)


def test_auto_takes_every_metric_there_is():
    from tests.support.choices import names_in

    assert [metric.name for metric in compose([]).metrics] == names_in("metrics")
    assert not compose([]).metrics_explicit
    chosen = compose(["metrics=[rate_distortion]"])
    assert chosen.metrics_explicit
    assert [metric.name for metric in chosen.metrics] == ["rate_distortion"]


@pytest.mark.parametrize(
    ("function", "option"),
    [("models.objectives.iwae", "num_samples"), ("benchmark.training.fit.fit", "warmup_steps"),
     ("metrics.dci.dci", "leaves"), ("metrics.nonlinear_probes.boosted_probe", "leaves"), ("metrics.mig.mig", "bins")],
)  # fmt: skip
def test_a_count_that_no_library_can_count_to_is_refused_by_its_name(function, option):
    with pytest.raises(ConfigurationError, match=rf"^a\.{option}=9{{20}}: Input should be less than or equal"):
        check_options("a", locate(function), {option: int("9" * 20)})


def test_the_kind_of_an_error_names_no_key():
    overrides = ["objective=iwae", "objective.num_samples=3"]
    said = named("randn(): too much", overrides, "TypeError: ")
    assert said == "objective=iwae objective.num_samples=3: TypeError: randn(): too much"
    assert named("metrics.mig: none", overrides, "KeyError: ") == "KeyError: metrics.mig: none"
