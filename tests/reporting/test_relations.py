"""Rank correlations and shares of variance, on numbers whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.experiment import execute
from benchmark.reporting.analyses.between_scores import correlations, variance
from benchmark.reporting.analyses.failures import Failures
from benchmark.reporting.correlations import (
    RESAMPLES,
    SEED,
    TAILS,
    bootstrapped,
    correlate,
    correlations_table,
    spearman,
)
from benchmark.reporting.figures.scores import shown
from benchmark.reporting.leaderboard import draw_findings, write_findings, write_report
from benchmark.reporting.study import Study
from benchmark.reporting.tables import full_table
from benchmark.reporting.variance import shares, trained_scores, variance_table
from metrics.core import Score
from tests.support.records import record

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
    squares = 60 * values.var()  # of methods and configurations: less what noise adds, 11 degrees of freedom
    assert found.seed.mean == pytest.approx(60 * noise / (squares - 48 * noise + (60 - 11) * noise))
    assert found.method.mean + found.strength.mean + found.seed.mean == pytest.approx(1.0)
    assert (found.methods, found.configurations, found.method.n) == (4, 12, 60)


def test_noise_alone_is_explained_by_seeds():
    values, labels, _ = grid_values(6, 6, 2, (0.0, 0.0, 1.0), np.random.default_rng(0))
    found = shares(values, *labels)
    assert found.raw[1] > 0.3  # what R2 makes of noise
    assert found.seed.mean > 0.85
    assert found.seed.interval().high == 1.0


def test_seeds_that_change_nothing_have_no_share():
    found = shares([1.0, 1.0, 2.0, 2.0, 5.0, 5.0], ["a"] * 4 + ["b"] * 2, [0, 0, 1, 1, 2, 2])
    seed = found.seed.interval()
    assert (seed.mean, seed.low, seed.high) == pytest.approx((0.0, 0.0, 0.0))
    assert found.method.mean == pytest.approx(found.raw[0])


@pytest.mark.parametrize("spreads", [(1.0, 0.7, 0.7), (0.0, 1.0, 1.0), (1.0, 0.3, 0.1), (0.3, 0.3, 1.0)])
@pytest.mark.parametrize("seeds", [2, 3])
def test_intervals_of_shares_cover_what_they_say(spreads, seeds):
    rng, hits = np.random.default_rng(1), np.zeros(3)
    for _ in range(100):
        values, labels, truth = grid_values(6, 3, seeds, spreads, rng)
        found = shares(values, *labels)
        hits += [
            of.interval().low <= true <= of.interval().high
            for of, true in zip((found.method, found.strength, found.seed), truth, strict=True)
        ]
    assert (hits >= 86).all(), hits


def test_shares_of_a_table():
    assert variance_table(trained_scores(sweep(seeds=1))).empty
    assert variance_table(trained_scores(sweep(value=lambda i, seed: 1.0))).empty
    rows = variance_table(trained_scores(sweep()))
    assert list(rows["score"]) == ["rate"] * 3 + ["mig_hist"] * 3
    assert set(rows["group"]) == {"mnist5k/dynamic/counting/ab12cd34"}
    assert rows.loc[0, ["runs", "methods", "configurations", "seeds"]].tolist() == [15, 2, 5, 3]  # elbo is a beta_vae
    share = rows[rows["score"] == "rate"].set_index("cause")["share"]
    assert share["strength"] > share["seed"]
    assert rows.groupby("score")["raw"].sum().to_numpy() == pytest.approx(1.0)


def test_rank_correlations_are_those_of_scipy():
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.integers(0, 5, (30, 3)).astype(float), columns=list("abc"))
    found = spearman(values)
    for i, left in enumerate(values):
        for j, right in enumerate(values):
            assert found[i, j] == pytest.approx(stats.spearmanr(values[left], values[right]).statistic)
    assert np.isnan(spearman(values.assign(a=1.0))[0, 1])


def test_bounds_are_quantiles_of_drawn_clusters_written_out():
    rng = np.random.default_rng(1)
    values = pd.DataFrame(rng.integers(0, 6, (24, 3)).astype(float), columns=list("abc"))
    which, again = np.arange(24) // 2, np.random.default_rng(SEED)
    drawn = [np.concatenate([2 * i + np.arange(2) for i in again.integers(0, 12, 12)]) for _ in range(RESAMPLES)]
    expected = np.quantile([stats.spearmanr(values.iloc[rows]).statistic for rows in drawn], TAILS, axis=0)
    np.testing.assert_allclose(bootstrapped(values, which), expected, atol=1e-6)


SMALL = ("objective=beta_vae", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]", "trainer.steps=20",
         "metrics.rate_distortion.num_samples=2")  # fmt: skip
WIDE_GRID = {"elbo": [{}], "beta_vae": [{"beta": 2.0**k} for k in range(1, 10)]}


def test_correlations_of_a_table():
    table = sweep(grid=WIDE_GRID)
    [found] = correlate(trained_scores(table))
    assert (found.scores, found.better) == (("rate", "mig_hist"), ("", ""))
    assert (found.runs, found.configurations) == (30, 10)
    assert found.values[0, 1] == found.low[0, 1] == found.high[0, 1] == -1.0  # one is minus the cube of the other
    [row] = correlations_table([found]).itertuples()
    assert (row.left, row.right, row.correlation, row.runs) == ("rate", "mig_hist", -1.0, 30)
    assert correlate(trained_scores(sweep())) == []  # five configurations


def test_what_cannot_be_correlated_is_named():
    table = sweep(grid=WIDE_GRID)
    for name, values in (("flat", 1.0), ("nothing", np.nan), ("noise", np.arange(30.0))):
        more = table[table["metric"] == "rate"].assign(metric=name, value=values)
        table = pd.concat([table, more], ignore_index=True)
    [found] = correlate(trained_scores(table))
    assert found.scores == ("rate", "mig_hist", "noise")
    assert (found.constant, found.null) == (("flat",), ("nothing",))
    assert found.note == ("30 runs of 10 configurations; left out: flat (one value in all runs); "
                          "left out: nothing (no value in some runs)")  # fmt: skip


def test_budgets_are_the_largest_and_a_hundred_labels():
    scores = [
        Score("p", 1.0 / n, representation=code, num_labels=n, factor=factor)
        for n in (10, 100, 1000)
        for code in ("mean", "sample")
        for factor in (None, "x")
    ]
    runs = [(Path(str(seed)), record(seed=seed, scores=scores)) for seed in range(2)]
    rows = trained_scores(full_table(runs))
    assert sorted(rows["score"]) == ["p (100 labels)"] * 2 + ["p (1000 labels)"] * 2
    assert set(rows["representation"]) == {"mean"}


def test_intervals_of_correlations_cover_what_they_say():
    rng, root = np.random.default_rng(0), np.linalg.cholesky([[1.0, 0.5], [0.5, 1.0]])
    # 60 pairs of scores of ten configurations, whose two seeds share their values for the most part
    both = 0.8 * rng.standard_normal((60, 10, 1, 2)) + 0.6 * rng.standard_normal((60, 10, 2, 2))
    columns = pd.DataFrame((both @ root.T).transpose(1, 2, 0, 3).reshape(20, 120))
    low, high = (
        bound[np.arange(0, 120, 2), np.arange(1, 120, 2)] for bound in bootstrapped(columns, np.arange(20) // 2)
    )
    true = 6 / np.pi * np.arcsin(0.25)
    assert 0.85 <= np.mean((low <= true) & (true <= high)) < 1.0


def relations(table):
    """What the two analyses find in a study with that table."""
    study = Study(Path(), [], {})
    vars(study)["table"] = table
    return [correlations(study), variance(study)]


def test_a_large_sweep_gets_files_figures_and_sections(tmp_path):
    table = sweep(grid=WIDE_GRID)
    found = relations(table)
    write_findings(tmp_path, found, Failures())
    assert draw_findings(tmp_path, found, (), Failures()) == ["correlations", "variance"]
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"correlations.csv", "correlations.png", "variance.csv", "variance.png"}
    lines = dict(section for one in found for section in one.sections)
    assert lines["Rank correlations (correlations.csv)"][0].endswith(": 30 runs of 10 configurations")
    sizes = "(1 method, 10 configurations, 30 runs; fewer than 10 seeds each, so these shares are rough)"
    assert sizes in lines["Variance explained (variance.csv)"][0]
    found = relations(sweep(seeds=1))
    write_findings(tmp_path, found, Failures())
    assert (draw_findings(tmp_path, found, (), Failures()), [section for one in found for section in one.sections]) == (
        [],
        [],
    )
    assert not list(tmp_path.iterdir())  # what no longer applies is removed


def test_scores_that_seeds_share_have_no_shares():
    table = sweep()
    shared = table[table["metric"] == "rate"].assign(metric="udr_lasso")
    assert "udr_lasso" not in set(variance_table(trained_scores(pd.concat([table, shared])))["score"])


def test_trained_runs_become_correlations_and_udr(plan_of_run):
    chosen = [(2**k, 0) for k in range(8)] + [(1, 1)]
    plans = [plan_of_run(*SMALL, f"objective.beta={beta}", f"seed={seed}") for beta, seed in chosen]
    for plan in plans:
        execute(plan)
    folder = plans[0].folder.parent.parent
    text = write_report(folder).text
    assert "9 runs of 8 configurations" in text
    assert "![correlations](correlations.png)" in (folder / "leaderboard.md").read_text()
    scores = pd.read_csv(folder / "scores.csv")
    assert scores.loc[scores["metric"] == "udr_lasso", "value"].between(0, 1).tolist() == [True, True]


def test_a_figure_shows_kin_beside_kin_and_no_more_than_twenty():
    scores = ["elbo", "linear_probe_accuracy (1000 labels)", "x", "mig_hist", "linear_probe_accuracy (100 labels)"]
    assert shown(scores) == ["mig_hist", *(f"linear_probe_accuracy ({n} labels)" for n in (100, 1000)), "elbo"]
    assert shown(["a", "b"]) == ["a", "b"]
    assert len(shown([f"iwae_{k}" for k in range(50)])) == 20
