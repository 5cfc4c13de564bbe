"""Rank correlations and shares of variance, on numbers whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench_report import record
from scipy import stats

from benchmark.relations import shares, variance_shares, variance_table
from benchmark.tables import full_table
from metrics.core import Score

GRID = {"elbo": [{}], "beta_vae": [{"beta": 2.0}, {"beta": 4.0}, {"beta": 8.0}], "iwae": [{"num_samples": 5}]}


def sweep(seeds=3, value=None, grid=GRID, **more):
    """A full table of two scores, that follow the configuration and the seed."""
    rng = np.random.default_rng(0)
    records = []
    for i, (objective, options) in enumerate((o, one) for o, several in grid.items() for one in several):
        for seed in range(seeds):
            effect = (i + 0.3 * rng.standard_normal()) if value is None else value(i, seed)
            scores = [Score("rate", effect, unit="nats"), Score("mig_hist", -(effect**3), representation="mean")]
            records.append(record(objective=objective, options=options, seed=seed, scores=scores, **more))
    return full_table([(Path(f"run-{i}"), one) for i, one in enumerate(records)])


def grid_values(methods, strengths, seeds, spreads, rng):
    """Values of a balanced grid, its labels, and the true shares of method, strength and seed."""
    method = stats.zscore(rng.standard_normal(methods)) * spreads[0]
    strength = stats.zscore(rng.standard_normal((methods, strengths)), axis=1) * spreads[1]
    noise = spreads[2] * rng.standard_normal((methods, strengths, seeds))
    values = ((method[:, None] + strength)[:, :, None] + noise).ravel()
    labels = np.repeat(np.arange(methods), strengths * seeds), np.repeat(np.arange(methods * strengths), seeds)
    return values, labels, np.square(spreads) / np.square(spreads).sum()


def test_raw_r2_and_noise_are_those_of_an_analysis_of_variance():
    values, (methods, configurations), _ = grid_values(4, 3, 5, (1.0, 0.5, 0.7), np.random.default_rng(0))
    found = shares(values, methods, configurations)
    f = stats.f_oneway(*(values[configurations == c] for c in range(12))).statistic
    explained = f * 11 / (f * 11 + 48)
    assert found.raw[1] == pytest.approx(explained)
    f = stats.f_oneway(*(values[methods == m] for m in range(4))).statistic
    assert found.raw[0] == pytest.approx(f * 3 / (f * 3 + 56))
    noise = np.mean([values[configurations == c].var(ddof=1) for c in range(12)])
    assert found.seed.mean == pytest.approx(60 * noise / (values.var() * 60 + noise))
    assert found.method.mean + found.strength.mean + found.seed.mean == pytest.approx(1.0)
    assert (found.methods, found.configurations, found.method.n) == (4, 12, 60)


def test_noise_alone_is_explained_by_seeds():
    values, labels, _ = grid_values(6, 6, 2, (0.0, 0.0, 1.0), np.random.default_rng(0))
    found = shares(values, *labels)
    assert found.raw[1] > 0.3  # what R2 makes of noise
    assert found.seed.mean > 0.85
    assert found.seed.high == 1.0
    assert found.method_minus_seed.excludes(0.0)


def test_seeds_that_change_nothing_have_no_share():
    found = shares([1.0, 1.0, 2.0, 2.0, 5.0, 5.0], ["a"] * 4 + ["b"] * 2, [0, 0, 1, 1, 2, 2])
    assert (found.seed.mean, found.seed.low, found.seed.high) == (0.0, 0.0, 0.0)
    assert found.method.mean == pytest.approx(found.raw[0])


@pytest.mark.parametrize("spreads", [(1.0, 0.7, 0.7), (0.0, 1.0, 1.0), (1.0, 0.3, 0.1), (0.3, 0.3, 1.0)])
@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_of_shares_cover_what_they_say(spreads, seeds):
    rng, hits = np.random.default_rng(1), np.zeros(3)
    for _ in range(100):
        values, labels, truth = grid_values(6, 3, seeds, spreads, rng)
        found = shares(values, *labels)
        hits += [
            of.low <= true <= of.high
            for of, true in zip((found.method, found.strength, found.seed), truth, strict=True)
        ]
    assert (hits >= 86).all(), hits


def test_shares_of_a_table():
    found = variance_shares(sweep(), "rate")
    assert list(found) == ["mnist5k/dynamic/counting/ab12cd34"]
    [of] = found.values()
    assert (of.methods, of.configurations, of.method.n) == (3, 5, 15)
    assert of.method.mean > of.seed.mean
    assert variance_shares(sweep(), "mig_hist", "sample") == {}
    assert variance_shares(sweep(seeds=1), "rate") == {}
    assert variance_shares(sweep(value=lambda i, seed: 1.0), "rate") == {}
    rows = variance_table(sweep())
    assert list(rows["score"]) == ["rate"] * 3 + ["mig_hist"] * 3
    assert rows.groupby("score")["raw"].sum().to_numpy() == pytest.approx(1.0)
