"""The script that tries paper configurations: which runs it picks, and that it fails where one does not train."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.slow import first_minute
from tests.support.choices import TINY
from tests.support.composing import compose


@pytest.fixture(scope="module")
def plan():
    return compose([*TINY, "objective=beta_vae"])


def varied(plan, beta, latent_dim):
    objective, model = plan.objective, plan.model
    return replace(
        plan,
        objective=replace(objective, options={**objective.options, "beta": beta}),
        model=replace(model, options={**model.options, "latent_dim": latent_dim}),
    )


def test_both_ends_of_every_varied_number_are_tried(plan):
    grid = [varied(plan, beta, latents) for beta in (0.5, 4, 32) for latents in (5, 10, 20)]
    found = [(one.objective.options["beta"], one.model.options["latent_dim"]) for one in first_minute.ends(grid)]
    assert found == [(0.5, 5), (0.5, 20), (32, 5), (32, 20)]
    pairs = [varied(plan, beta, 2 * beta) for beta in (1, 3, 9)]
    assert first_minute.ends(pairs) == [pairs[0], pairs[2]]
    crossed = [varied(plan, 1, 10), varied(plan, 2, 5), varied(plan, 3, 7)]  # no run is at two ends at once
    assert first_minute.ends(crossed)


def test_a_group_is_a_network_with_an_optimiser_and_an_objective(plan):
    other = replace(plan, choices={**plan.choices, "objective": "elbo"})
    assert len(first_minute.ends([varied(plan, 1, 5), varied(other, 4, 5)])) == 2


def test_a_network_is_tried_on_one_data_set(plan):
    other = replace(plan, choices={**plan.choices, "dataset": "linear_gaussian"})
    assert first_minute.ends([varied(plan, 1, 5), varied(other, 1, 5)]) == [varied(plan, 1, 5)]


def test_options_that_are_no_numbers_are_tried_too(plan):
    sampled = replace(plan, objective=replace(plan.objective, options={**plan.objective.options, "kl": "monte_carlo"}))
    assert first_minute.ends([plan, sampled]) == [plan, sampled]


@pytest.mark.parametrize(("rate", "trains"), [(1e-3, True), (1e4, False), (1e-30, False)])
def test_a_run_that_does_not_train_is_told(plan, rate, trains, monkeypatch):
    """A rate of 1e4 is not finite, one of 1e-30 changes nothing."""
    monkeypatch.setattr(first_minute._First, "left", 50)
    options = {**plan.trainer.options, "learning_rate": rate, "optimizer": "SGD"}
    outcome = first_minute.try_out(replace(plan, trainer=replace(plan.trainer, options=options)))
    assert outcome.holds == trains
    assert math.isfinite(outcome.before)


def test_a_failure_is_the_exit_code(plan, monkeypatch, capsys):
    for after, code in ((-90.0, 0), (-110.0, 1), (math.nan, 1)):
        outcome = first_minute.Outcome(-100.0, after, 1.0)
        assert first_minute.exit_code([plan], [outcome]) == code
        assert capsys.readouterr().out.startswith("trains" if code == 0 else "FAILS")
    assert first_minute.exit_code([], []) == 1
