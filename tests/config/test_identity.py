"""Identities are frozen: whatever moves, a finished run is found finished, and the same plan is the same run."""

from __future__ import annotations

import json
import shutil
from itertools import zip_longest

import pytest

from benchmark.config import identity
from benchmark.config.components import ConfigurationError, component, locate
from benchmark.config.compose import Composer
from benchmark.config.plan import METRIC_SETS
from benchmark.experiment import finished
from benchmark.store.documents import digest
from benchmark.store.groups import IDENTITY
from benchmark.store.manifest import read_manifest
from benchmark.store.record import read_folder
from tests.support.choices import FIXTURES
from tests.support.composing import compose

FROZEN = json.loads((FIXTURES / "identities.json").read_text())
BEFORE = FIXTURES / "version2"  # a folder as it was written when identities were frozen


def test_what_a_choice_is_has_not_changed():
    composer, found = Composer(), {}
    groups = {group: composer.choices(group) for group in IDENTITY if group != "model"}
    for names in zip_longest(*groups.values()):  # a choice of each group at a time: composing is what costs
        chosen = {group: name for group, name in zip(groups, names, strict=True) if name is not None}
        plain = composer.composed([f"{group}={name}" for group, name in chosen.items()]).plain
        found |= {f"{group}={name}": component(group, name, plain[group]) for group, name in chosen.items()}
    measured = [name for name in composer.choices("metrics") if name not in METRIC_SETS]
    plain = composer.composed([f"metrics=[{','.join(measured)}]"]).plain
    found |= {f"metrics={name}": component("metrics", name, node) for name, node in plain["metrics"].items()}
    known = {name: part and part.as_config() for name, part in found.items()}
    known |= {f"model={name}": compose([f"model={name}"]).identity["model"] for name in composer.choices("model")}
    changed = {name: now for name, now in known.items() if FROZEN.get(name) != (now and digest(now))}
    assert not {name: now for name, now in changed.items() if name in FROZEN}
    assert set(known) >= set(FROZEN)


def test_finished_runs_of_then_are_finished_now(plan_of_run, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.experiment.SCORES", 2)  # scores may be computed anew, but nothing is trained anew
    records, damaged = read_folder(BEFORE)
    assert len(records) == 3
    assert not damaged
    shutil.copytree(BEFORE, tmp_path / "single")
    asked = [
        ("metrics=[rate_distortion,linear_probe]", "trainer.steps=5", "trainer.validations=20", "objective=beta_vae",
         "model.latent_dim=2", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]", "seed=0"),
        ("metrics=[linear_probe]", "model=pca", "model.latent_dim=2"),
        ("metrics=[rate_distortion]", "objective=untrained", "model.latent_dim=50"),
    ]  # fmt: skip
    plans = [plan_of_run(*overrides) for overrides in asked]
    assert {plan.folder.name for plan in plans} == {folder.name for folder, _ in records}
    assert all(finished(plan) for plan in plans)
    assert set(read_manifest(BEFORE)["runs"]) == {plans[-1].folder.name}  # of the last command


def test_every_frozen_target_is_still_there():
    for now, known in identity.MOVED.items():
        assert callable(locate(now))
        assert identity.current(known) == now


def test_a_moved_target_and_a_later_option_at_its_default_change_nothing(monkeypatch):
    monkeypatch.setattr(identity, "MOVED", {"models.new.place": "models.old"})
    monkeypatch.setattr(identity, "LATER", {"models.old": {"precision": "fp32"}})
    before = {"_target_": "models.old", "size": 3}
    assert identity.frozen("models.new.place", {"size": 3, "precision": "fp32"}) == before
    assert identity.frozen("models.old", {"size": 3}) == before
    assert identity.frozen("models.new.place", {"size": 3, "precision": "bf16"}) == {**before, "precision": "bf16"}
    assert identity.current("models.old") == "models.new.place"


def test_a_setting_is_no_part_of_a_run():
    plans = [compose([f"trainer.stack={stack}"]) for stack in ("auto", 1, 8)]
    assert len({digest(plan.identity) for plan in plans}) == 1
    assert [plan.trainer.options["stack"] for plan in plans] == ["auto", 1, 8]
    for option in ("stack", "compile"):
        assert option not in identity.frozen("benchmark.training.fit.fit", {option: 1})


@pytest.mark.parametrize("stack", ["many", "0", "-1", "2.5", "null"])
def test_what_is_no_number_of_runs_is_refused_in_one_line(stack):
    with pytest.raises(ConfigurationError, match=rf"^trainer.stack={stack}: [^\n]*$"):
        compose([f"trainer.stack={stack}"])


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (("model=linear", "likelihood.variance=0.25"), ("model=linear", "model.sigma2=0.25")),
        (("likelihood=gaussian_learned",), ("model.likelihood=gaussian", "model.sigma2=learned")),
        (("model=conv", "posterior=diagonal_log_variance"), ("model=conv", "model.posterior_scale=log_variance")),
        (("posterior=diagonal", "prior=standard_normal", "likelihood=bernoulli"), ()),
    ],
)
def test_options_of_before_heads_could_be_chosen_are_the_same_run(now, before):
    one, other = compose(list(now)), compose(list(before))
    assert digest(one.identity) == digest(other.identity)
    assert not {"posterior", "prior", "likelihood"} & set(one.identity)
    assert one.folder == other.folder


def test_heads_that_were_not_there_are_part_of_the_run():
    plan = compose(["posterior=full", "prior=mixture", "likelihood=gaussian_per_pixel"])
    assert {"posterior", "prior", "likelihood"} <= set(plan.identity)
    assert "mlp-full-mixture-gaussian_per_pixel-elbo" in plan.folder.name
