"""The loop: schedules, order of the data, early stopping, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import image_dataset

from benchmark.compose import compose
from benchmark.pixels import Pixels
from benchmark.stage import build_model, build_objective
from benchmark.train import _batches, _factor, fit


def parts(*overrides):
    plan = compose(["model.latent_dim=3", *overrides])
    dataset = image_dataset((1, 6, 6))
    train, validation = (Pixels(dataset, split, torch.device("cpu")) for split in ("train", "validation"))
    model = build_model(plan, (1, 6, 6), train.mean())
    return model, build_objective(plan, model, torch.device("cpu")), train, validation


def test_every_example_is_visited_once_an_epoch():
    rows = list(_batches(20, 5, 8, seed=0))
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


def test_batches_larger_than_the_data_are_the_data():
    assert [len(rows) for rows in _batches(7, 100, 3, seed=0)] == [7, 7, 7]


def test_burda_schedule_spends_3_to_the_i_passes_at_each_rate():
    rates = [_factor("burda", (epoch + 0.5) / 3280) for epoch in range(3280)]
    for i in range(8):
        assert sum(math.isclose(rate, 10 ** (-i / 7)) for rate in rates) == 3**i


def test_cosine_schedule_ends_at_zero():
    assert _factor("cosine", 0.0) == 1.0
    assert _factor("cosine", 1.0) == pytest.approx(0.0)


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
    again = fit(model, objective, train, validation, 0, steps=1, learning_rate=1e-12)
    assert again[0]["validation_objective"] == pytest.approx(max(values), abs=1e-6)


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "SGD", "Adagrad", "RMSprop"])
def test_every_optimiser_trains(optimizer):
    model, objective, train, validation = parts()
    fit(model, objective, train, validation, 0, steps=3, optimizer=optimizer, clip_norm=1.0, warmup_steps=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give exactly one"),
        ({"steps": 3, "epochs": 1.0}, "give exactly one"),
        ({"steps": 3, "optimizer_options": {"momentum": 2}}, "torch.optim.Adam refuses"),
    ],
)
def test_impossible_training_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(*parts(), 0, **options)


def test_an_objective_that_is_not_finite_says_at_which_step():
    with pytest.raises(FloatingPointError, match="no longer finite at step"):
        fit(*parts(), 0, steps=200, learning_rate=1e30)
