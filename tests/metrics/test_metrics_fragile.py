"""Faithful but fragile scores are pinned at their fragile values, beside robust ones; single axes as predictors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metrics.core import Codes, Representation
from metrics.factor_vae_score import factor_vae_score, groups, majority, still_axis
from metrics.factors import Factor
from metrics.irs import irs_matrix
from metrics.sap import explained_share, sap, svc_accuracy
from metrics.scaling import scaling
from tests.support.metric_cases import QUICK, gaussian, linear, representation, true_codes, with_constant

LEAST = {"num_train": 1000, "num_test": 500}


def both(data: Representation, **options) -> list[float]:
    """The faithful and the robust FactorVAE score."""
    return [score.value for score in factor_vae_score(data, np.random.default_rng(0), **LEAST, **options)]


def with_view(codes: Codes, mean: np.ndarray) -> Codes:
    """Other means, and all else as it was."""
    return replace(codes, views={**codes.views, "mean": mean})


def changed(change) -> Representation:
    """The true codes, blurred so that no value is exact, with something done to both parts."""
    data = representation()
    samples = [part.diagonal()[0] for part in (data.train, data.test)]
    blurred = [gaussian(part, z, part.stddev, z) for part, z in zip((data.train, data.test), samples, strict=True)]
    return Representation(*map(change, blurred))


def test_a_dead_axis_takes_every_vote_where_no_threshold_keeps_it_out():
    assert both(changed(with_constant), threshold=0.0) == [pytest.approx(0.25, abs=0.05), 1]
    assert both(changed(with_constant)) == [1, 1]


def test_a_small_code_scores_zero_with_an_absolute_threshold():
    assert both(changed(lambda codes: linear(codes, 0.01 * np.eye(4)))) == [0, 1]


def test_a_nearly_dead_axis_above_the_threshold_is_no_harm_unless_it_stands_still():
    def with_small_noise(codes: Codes) -> Codes:
        wider = with_constant(codes)
        noise = 0.06 * np.random.default_rng(len(codes)).normal(size=len(codes))
        return with_view(wider, np.column_stack([wider.mean[:, :4], noise]))

    assert both(changed(with_small_noise)) == [1, 1]


def test_a_far_outlier_decides_variances_but_not_clipped_ones():
    def far(codes: Codes) -> Codes:
        mean = codes.mean.copy()
        mean[0, 0] = 1e4
        return with_view(codes, mean)

    faithful, robust = both(changed(far))
    assert faithful < 0.8
    assert robust > 0.97


def test_groups_share_a_value_drawn_by_frequency():
    factors = np.column_stack([[0] * 90 + [1] * 10, np.arange(100) % 4])
    rows, fixed = groups(factors, 4000, 8, np.random.default_rng(0))
    shared = factors[rows, fixed[:, None]]
    assert (shared == shared[:, :1]).all()
    assert shared[fixed == 0].mean() == pytest.approx(0.1, abs=0.02)
    assert np.bincount(fixed) == pytest.approx([2000, 2000], abs=150)


def test_votes_without_an_active_axis_and_of_axes_never_seen():
    rows = np.arange(6).reshape(3, 2)
    assert still_axis(np.ones((6, 2)), rows, np.zeros(2, dtype=bool)).tolist() == [-1] * 3
    assert majority(np.full(3, -1), np.arange(3), 2, 3)[-1] == -1
    assert majority(np.array([0, 0, 0, 1]), np.array([2, 2, 1, 1]), 3, 3).tolist() == [2, 1, 0, -1]


def test_still_axis_matches_the_loop_of_the_definition():
    rng = np.random.default_rng(0)
    codes, rows = rng.normal(size=(200, 4)) * [1, 2, 3, 4], rng.integers(0, 200, (50, 8))
    expected = [np.argmin(codes[group].var(axis=0, ddof=1) / codes.var(axis=0, ddof=1)) for group in rows]
    assert still_axis(codes, rows, np.ones(4, dtype=bool)).tolist() == expected


def test_robustness_in_closed_form_and_what_one_outlier_does():
    factors = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    codes = np.column_stack([factors[:, 0] * 2.0 - 1, factors.sum(axis=1) - 1.0, np.zeros(4)])
    robust, weight = irs_matrix(codes, factors)
    assert robust == pytest.approx(np.array([[1, 0], [0.5, 0.5], [0, 0]]))
    assert weight.tolist() == [1, 1, 0]
    many, tall = np.tile(factors, (500, 1)), np.tile(codes, (500, 1))
    tall[0, 1] = 1000.0
    robust, weight = irs_matrix(tall, many)
    assert weight[1] > 990
    assert robust[1] == pytest.approx([0.5, 0.5], abs=0.01)  # the outlier's value strays, the other does not
    robust, weight = irs_matrix(tall, many, 0.99)
    assert weight[1] > 990  # of all deviations the maximum, at any quantile
    assert robust[1] == pytest.approx([0.999, 0.999], abs=0.001)


def test_a_quantile_of_the_deviations_is_still_divided_by_their_maximum():
    rng = np.random.default_rng(0)
    factors, codes = rng.integers(0, 5, (4000, 2)), rng.normal(size=(4000, 3))
    centred = np.abs(codes - codes.mean(axis=0))
    expected = np.empty((3, 2))
    for factor in range(2):
        groups = [codes[factors[:, factor] == value] for value in range(5)]
        strays = [np.quantile(np.abs(group - group.mean(axis=0)), 0.99, axis=0) for group in groups]
        expected[:, factor] = 1 - np.mean(strays, axis=0) / centred.max(axis=0)
    assert irs_matrix(codes, factors, 0.99)[0] == pytest.approx(expected)
    assert expected.min() > 0.2  # what is left of noise when a quantile divides by itself: nothing
    assert irs_matrix(codes, factors)[0].max() < 0.2


def test_share_explained_by_one_axis():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 4000))
    found = explained_share(np.column_stack([x, 1e-9 * x + 5, y, np.full(4000, 0.1)]), (x + y)[:, None])
    assert found == pytest.approx([0.5, 0.5, 0.5, 0], abs=0.03)
    angle = 2 * np.pi * rng.random(4000)
    targets = np.column_stack([np.sin(angle), np.cos(angle)])
    assert explained_share(np.column_stack([np.sin(angle), angle]), targets) == pytest.approx([0.5, 0.304], abs=0.02)


def test_a_support_vector_machine_on_one_axis_cannot_cut_out_inner_values():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 2000)
    values = labels[:, None].astype(float)
    axis = scaling(values)(values)[:, 0]
    assert svc_accuracy(axis, labels, axis, labels) == pytest.approx(0.2, abs=0.03)
    assert svc_accuracy(axis, labels // 5, axis, labels // 5) == 1
    assert svc_accuracy(axis, np.zeros(2000, dtype=int), axis, labels // 5) == pytest.approx(0.5, abs=0.05)


def test_one_axis_competes_with_nothing_in_every_gap():
    data = changed(lambda codes: linear(codes, np.eye(4)[:, :1]))
    found = {(score.name, score.factor): score.value for score in sap(data, np.random.default_rng(0))}
    assert found["sap_r2", "a"] == pytest.approx(1, abs=0.01)
    assert found["sap_svc", "a"] == 1


@pytest.mark.parametrize("name", ["mig_sup", "factor_vae_score", "irs", "explicitness", "modularity", "infomec"])
def test_a_collapsed_code_has_finite_scores(name):
    codes = [with_view(true_codes(np.random.default_rng(seed)), np.zeros((1200, 4))) for seed in (0, 1)]
    values = [score.value for score in QUICK[name](Representation(*codes), np.random.default_rng(0))]
    assert all(np.isfinite(value) and value < 0.51 for value in values), values


def test_circular_values_are_explained_by_sine_and_cosine():
    turn = np.arange(1000.0) % 40
    explained = explained_share(turn[:, None], Factor("turn", "circular", turn, turn).targets()[1])
    assert explained == pytest.approx([0.304], abs=0.01)
