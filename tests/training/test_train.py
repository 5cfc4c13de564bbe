"""The loop: schedules, order of the data, early stopping, and what it refuses."""

from __future__ import annotations

import functools
import math

import pytest
import torch

from benchmark.config.components import ConfigurationError
from benchmark.training.fit import fit
from benchmark.training.optimizers import optimizer as build_optimizer
from benchmark.training.order import batches
from benchmark.training.pixels import Pixels
from benchmark.training.schedules import factor
from benchmark.training.setup import build_model, build_objective
from models.vae import VAE
from tests.support.choices import image_dataset
from tests.support.composing import compose


@functools.cache
def plan_of(*overrides):
    return compose(["model.latent_dim=3", "model.encoder_hidden=[16]", "model.decoder_hidden=[16]", *overrides])


def parts(*overrides):
    plan = plan_of(*overrides)
    dataset = image_dataset((1, 6, 6))
    train, validation = (Pixels(dataset, split, torch.device("cpu")) for split in ("train", "validation"))
    model = build_model(plan, (1, 6, 6), train.mean())
    return model, build_objective(plan, model, torch.device("cpu")), train, validation


def with_options(optimizer, **options):
    return {"steps": 3, "optimizer": optimizer, "optimizer_options": options}


def test_every_example_is_visited_once_an_epoch():
    rows = list(batches(20, 5, 8, seed=0))
    for epoch in (rows[:4], rows[4:]):
        assert sorted(torch.cat(epoch).tolist()) == list(range(20))
    assert torch.cat(rows[:4]).tolist() != torch.cat(rows[4:]).tolist()


def images_seen(*overrides):
    """The training batches of a few steps, and the history's rate and distortion of the untrained model."""
    model, objective, train, validation = parts(*overrides)
    seen = []

    def watched(model, batch):
        if torch.is_grad_enabled():
            seen.append(batch.x)
        return objective(model, batch)

    history = fit(model, watched, train, validation, 0, steps=4, batch_size=5, validations=1)
    return torch.stack(seen), [history[0][f"validation_{part}"] for part in ("rate", "distortion")]


def test_objectives_that_draw_more_noise_see_the_same_images():
    """Differences between objectives are paired: equal order, equal binarisation, equal noise of validation."""
    images, validated = images_seen("objective=elbo")
    assert 0 < images.mean() < 1
    for other in ("objective.num_samples=3", "objective=iwae", "objective=info_vae", "objective=factor_vae"):
        again = images_seen(other, *(["objective.hidden=[4]"] if "factor" in other else []))
        assert torch.equal(again[0], images), other
        assert again[1] == validated, other
    assert not torch.equal(images[0], images[1])


def test_an_epoch_of_batches_larger_than_the_data_is_one_step():
    model, objective, train, validation = parts()
    history = fit(model, objective, train, validation, 0, epochs=50, batch_size=1000, validations=2)
    assert [(row["step"], row["epoch"]) for row in history] == [(0, 0.0), (25, 25.0), (50, 50.0)]


@pytest.mark.parametrize("batch_size", [1, 4, 15, 16])
def test_epochs_are_passes_over_the_data(batch_size):
    model, objective, train, validation = parts()
    seen = []

    def watched(model, batch):
        seen.append(len(batch.x) if torch.is_grad_enabled() else 0)
        return objective(model, batch)

    history = fit(model, watched, train, validation, 0, epochs=4, batch_size=batch_size, validations=1)
    assert sum(seen) == 4 * len(train)
    assert history[-1]["epoch"] == 4.0


def test_burda_schedule_spends_3_to_the_i_passes_at_each_rate():
    rates = [factor("burda", (epoch + 0.5) / 3280) for epoch in range(3280)]
    for i in range(8):
        assert sum(math.isclose(rate, 10 ** (-i / 7)) for rate in rates) == 3**i


def test_cosine_schedule_ends_at_zero():
    assert factor("cosine", 0.0) == 1.0
    assert factor("cosine", 1.0) == pytest.approx(0.0)


def test_training_raises_the_objective_and_keeps_its_history():
    model, objective, train, validation = parts()
    history = fit(model, objective, train, validation, 0, steps=60, batch_size=5, validations=4, learning_rate=1e-2)
    assert [row["step"] for row in history] == [0, 15, 30, 45, 60]
    assert history[-1]["objective"] > history[1]["objective"]
    assert history[0]["objective"] is None
    assert history[-1]["epoch"] == pytest.approx(60 * 5 / len(train))


def test_patience_stops_and_returns_to_the_best_weights():
    model, objective, train, validation = parts()
    options = {"steps": 4000, "batch_size": 15, "validations": 100, "learning_rate": 2e-2, "patience": 3}
    history = fit(model, objective, train, validation, 0, **options)
    values = [row["validation_objective"] for row in history]
    assert len(history) < 101
    best = values.index(max(values))
    assert len(values) - 1 - best == 3
    assert [row["step"] for row in history if row["kept"]] == [history[best]["step"]]
    again = fit(model, objective, train, validation, 0, steps=1, learning_rate=1e-12)
    assert again[0]["validation_objective"] == pytest.approx(max(values), abs=1e-6)


def test_without_patience_the_last_weights_are_kept():
    model, objective, train, validation = parts()
    history = fit(model, objective, train, validation, 0, steps=6, batch_size=5, validations=3)
    assert [row["kept"] for row in history] == [False, False, False, True]


def test_patience_that_nothing_rewards_keeps_the_last_weights_and_says_so(capsys):
    model, objective, train, validation = parts()

    def contrary(model, batch):
        value = objective(model, batch)
        return value if torch.is_grad_enabled() else -value

    history = fit(model, contrary, train, validation, 0, steps=40, batch_size=5, validations=20, patience=2)
    assert max(row["validation_objective"] for row in history[1:]) < history[0]["validation_objective"]
    assert [row["step"] for row in history if row["kept"]] == [history[-1]["step"]] == [4]
    said = capsys.readouterr().err.strip()
    assert said.endswith("no validation was better than before training; the last weights are kept, of step 4")


def test_validations_of_a_warm_up_are_of_its_final_objective():
    """Else values fall while the weight of the rate rises, and patience stops at the weights of another objective."""
    histories = []
    for fraction in (0.0, 0.4, 1.0):
        parts_of = parts("objective=beta_vae_warmup", "objective.beta=4", f"objective.warmup_fraction={fraction}")
        history = fit(*parts_of, 0, steps=1, learning_rate=1e-12, validations=1)
        histories.append([row["validation_objective"] for row in history])
    assert histories[0] == histories[1] == histories[2]


def test_patience_through_a_warm_up_keeps_weights_of_after_it():
    overrides = ("objective=beta_vae_warmup", "objective.beta=8", "objective.warmup_fraction=0.5")
    model, objective, train, validation = parts(*overrides)
    options = {"steps": 60, "batch_size": 15, "validations": 12, "learning_rate": 1e-2, "patience": 4}
    history = fit(model, objective, train, validation, 0, **options)
    values = {row["step"]: row["validation_objective"] for row in history}
    [kept] = [row["step"] for row in history if row["kept"]]
    assert values[kept] == max(values.values())
    assert kept > 30


def test_an_adversary_s_values_do_not_compare():
    parts_of = parts("objective=factor_vae", "objective.hidden=[4]")
    with pytest.raises(
        ConfigurationError, match=r"trainer.patience=2: the value of FactorVAE changes with its adversary"
    ):
        fit(*parts_of, 0, steps=3, patience=2)
    history = fit(*parts_of, 0, steps=3, validations=1)
    assert [row["validation_objective"] for row in history] == [None, None]
    assert history[-1]["objective"] is not None


OPTIMISERS = {
    "Adam": {"betas": [0.5, 0.9]},
    "AdamW": {"weight_decay": 0.1},
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adagrad": {"initial_accumulator_value": 0.1},
    "RMSprop": {"alpha": 0.9, "centered": True},
}


@pytest.mark.parametrize("optimizer", OPTIMISERS)
@pytest.mark.parametrize("fused", [True, False, None])
def test_every_optimiser_trains_with_options_of_its_own_fused_or_not(optimizer, fused):
    model, objective, train, validation = parts()
    options = {**OPTIMISERS[optimizer], "fused": fused}
    given = {"optimizer": optimizer, "optimizer_options": options, "clip_norm": 1.0, "warmup_steps": 2}
    fit(model, objective, train, validation, 0, steps=3, validations=1, **given)


def test_kernels_are_fused_only_where_torch_can(monkeypatch):
    parameters = [torch.zeros(2, requires_grad=True)]
    assert build_optimizer("Adam", parameters, 0.1, {"fused": True}).defaults["fused"]
    assert not build_optimizer("Adam", parameters, 0.1, {"fused": False}).defaults["fused"]
    assert "fused" not in build_optimizer("RMSprop", parameters, 0.1, {"fused": True}).defaults

    def step(self):  # as of an older torch on a GPU, where only the first step says that it cannot
        if self.defaults["fused"]:
            raise RuntimeError("`fused=True` is not supported")

    monkeypatch.setattr(torch.optim.Adagrad, "step", step)
    assert not build_optimizer("Adagrad", parameters, 0.1, {"fused": True}).defaults["fused"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give exactly one"),
        ({"steps": 3, "epochs": 1.0}, "give exactly one"),
        ({"steps": 3, "warmup_steps": 4}, "trainer.warmup_steps=4: longer than the training of 3 steps"),
        (with_options("Adam", momentum=2), "options.momentum: torch.optim.Adam has no such option; there are amsgrad"),
        (with_options("SGD", momentun=0.9), "momentun: torch.optim.SGD has no such option; did you mean momentum?"),
        (with_options("SGD", lr=1.0), "options.lr: torch.optim.SGD has no such option"),
        (with_options("SGD", maximize=True), "options.maximize: torch.optim.SGD has no such option"),
        (with_options("AdamW", weight_decay="much"), "options.weight_decay=much: Input should be a valid number"),
        (with_options("AdamW", weight_decay=True), "options.weight_decay=true: expected"),
        (with_options("AdamW", weight_decay=math.inf), "options.weight_decay=inf: Input should be a finite number"),
        (with_options("AdamW", weight_decay=-1.0), "torch.optim.AdamW refuses them .*Invalid weight_decay value"),
        (with_options("AdamW", betas=[0.9]), "torch.optim.AdamW refuses them"),
        (with_options("Adam", betas=3), "options.betas=3: Input should be a valid list"),
        (with_options("SGD", nesterov=True), "torch.optim.SGD refuses them .*Nesterov"),
        (with_options("SGD", fused="maybe"), "options.fused=maybe: Input should be a valid boolean"),
    ],
)
def test_impossible_training_is_refused_in_one_line(options, message):
    model, _, train, validation = parts()

    def untouched(model, batch):
        raise AssertionError("the mistake is found before anything is computed")

    with pytest.raises(ConfigurationError, match=message) as error:
        fit(model, untouched, train, validation, 0, **options)
    assert "\n" not in str(error.value)


def test_an_objective_that_is_not_finite_says_at_which_step():
    with pytest.raises(FloatingPointError, match="no longer finite at step"):
        fit(*parts(), 0, steps=200, learning_rate=1e30)


def test_training_in_bf16_is_nearly_that_in_float32_and_leaves_the_model_as_it_was():
    """Validation is in float32, so that rows before the first step are equal; weights keep their type and order."""
    found = []
    for options in ({}, {"precision": "bf16"}, {"channels_last": True}):
        model, objective, train, validation = parts()
        torch.manual_seed(0)
        model.encoder.features = torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 2, stride=2), torch.nn.Conv2d(4, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4, 16)
        )
        found.append(fit(model, objective, train, validation, 0, steps=20, batch_size=15, validations=2, **options))
        assert all(value.dtype == torch.float32 and value.is_contiguous() for value in model.state_dict().values())
    plain, rounded, ordered = found
    assert rounded[0] == pytest.approx(plain[0])
    assert rounded[0] == ordered[0]
    for row, other, same in zip(plain[1:], rounded[1:], ordered[1:], strict=True):
        for name in ("objective", "validation_objective", "validation_rate"):
            assert other[name] != row[name]
            assert other[name] == pytest.approx(row[name], rel=0.05)
            assert same[name] == pytest.approx(row[name], rel=1e-4)


def test_a_model_without_networks_of_ours_is_refused_in_bf16():
    model, objective, train, validation = parts()
    model = VAE(torch.nn.ModuleList([model.encoder.head]), torch.nn.Linear(3, 36), model.prior)
    with pytest.raises(ConfigurationError, match=r"^trainer\.precision=bf16: the model has no network .*\)$"):
        fit(model, objective, train, validation, 0, steps=1, precision="bf16")
