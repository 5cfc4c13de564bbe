"""Array kernels against closed forms: importances, gaps, mutual information, aggregate posterior, pairs, qualities."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import quality
from metrics.aggregate import log_aggregate
from metrics.dci import completeness, disentanglement
from metrics.factors import Factor, quantile_edges
from metrics.information import active_units
from metrics.interventional import differences, shared_pairs
from metrics.mig import gaps, mig_density, mig_hist
from metrics.mutual_information import entropies, mutual_information_density, mutual_information_hist

EYE = np.eye(5)
LN2, LN10 = np.log(2), np.log(10)


@pytest.mark.parametrize(
    ("importance", "expected_d", "expected_c"),
    [
        (np.diag([3.0, 1, 2]), 1, 1),
        (np.array([[1.0, 0], [0, 1], [0, 0]]), 1, 1),
        (np.zeros((5, 5)), 0, 0),
        (np.ones((4, 3)), 0, 0),
        (np.vstack([5 * EYE, 5 * EYE]), 1, 1 - LN2 / LN10),
        (5 * EYE[:2], 1, 1),
        (np.hstack([5 * EYE, 5 * EYE]), 1 - LN2 / LN10, 1),
        (np.array([[1.0, 2, 3]]), 1 - 1.0114042647073518 / np.log(3), 1),
        (np.array([[1.0], [1]]), 1, 0),
        (np.array([[2.0]]), 1, 1),
        (np.array([[0.0]]), 0, 0),
    ],
)
def test_disentanglement_and_completeness_in_closed_form(importance, expected_d, expected_c):
    assert disentanglement(importance) == pytest.approx(expected_d, abs=1e-12)
    assert completeness(importance) == pytest.approx(expected_c, abs=1e-12)


def test_gap_of_a_single_axis_competes_with_nothing():
    assert gaps(np.array([[0.5, 0.2]]), np.ones(2)).tolist() == [0.5, 0.2]
    assert gaps(np.array([[0.5], [0.2], [0.1]]), np.full(1, 2.0)) == pytest.approx(0.15)


def test_histogram_information_of_a_grid_is_exact_and_blurred_by_too_few_bins():
    factors = np.column_stack([np.repeat(np.arange(40), 40), np.tile(np.arange(40), 40)])
    assert mutual_information_hist(factors.astype(float), factors, 40) == pytest.approx(np.diag([np.log(40)] * 2))
    assert mig_hist(factors.astype(float), factors) == pytest.approx(np.log(20) / np.log(40))
    assert mutual_information_hist(np.ones((1600, 1)), factors).tolist() == [[0, 0]]
    assert entropies(factors) == pytest.approx([np.log(40)] * 2)


def test_one_outlier_costs_the_histogram_its_axis_but_not_the_density():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 10, (10000, 2))
    codes, stddev = factors.astype(float), np.full((10000, 2), 0.05)
    codes[0, 0] = 1e4
    assert mig_hist(codes, factors) == pytest.approx(0.5, abs=0.01)
    few = slice(0, 2000)
    assert mig_density(codes[few], codes[few], stddev[few], factors[few]) == pytest.approx(1, abs=0.01)


def test_density_information_of_two_normals_is_the_integral():
    rng = np.random.default_rng(0)
    factor = np.arange(2000) % 2
    mean, stddev = np.where(factor, 1.0, -1.0)[:, None], np.ones((2000, 1))
    found = mutual_information_density(mean + rng.normal(size=(2000, 1)), mean, stddev, factor[:, None])
    z = np.linspace(-9, 9, 20001)
    p = np.exp(-0.5 * (z - 1) ** 2) / np.sqrt(2 * np.pi)
    q = (p + p[::-1]) / 2
    exact = (p * np.log(p / q)).sum() * (z[1] - z[0])
    assert found[0, 0] == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("spread", [1.0, 1e-2, 1e-4, 1e-6, 1e-9])
def test_aggregate_equals_the_naive_sum_however_narrow(spread):
    from scipy.special import logsumexp
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    mean, stddev = 1 + rng.normal(size=(200, 4)), spread * rng.uniform(0.5, 1, (200, 4))
    stddev[:, 1] = rng.uniform(0.5, 1, 200)
    mean[1::2] = mean[::2] + 0.5 * spread
    sample = mean + stddev * rng.normal(size=mean.shape)
    naive = norm.logpdf(sample[:, None], mean, stddev).sum(axis=2)
    expected = logsumexp(naive, axis=1) - np.log(200)
    np.testing.assert_allclose(log_aggregate(sample, mean, stddev), expected, rtol=0, atol=1e-7)


def test_active_units_threshold_is_burdas():
    mean = np.random.default_rng(0).normal(size=(1000, 3))
    mean = (mean - mean.mean(axis=0)) / mean.std(axis=0) * np.sqrt([1, 0.0101, 0.0099])
    assert active_units(mean) == 2


def test_pairs_share_a_value_drawn_by_frequency():
    rng = np.random.default_rng(0)
    values = np.array([0] * 90 + [1] * 10)
    one, other = shared_pairs(values, 20000, rng)
    assert (values[one] == values[other]).all()
    assert values[one].mean() == pytest.approx(0.1, abs=0.01)
    assert np.corrcoef(one[values[one] == 0], other[values[one] == 0])[0, 1] == pytest.approx(0, abs=0.03)


def test_differences_vanish_on_the_axis_of_the_shared_factor():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 5, (300, 3))
    found, fixed = differences(factors.astype(float), factors, 500, 16, rng)
    assert (found.argmin(axis=1) == fixed).all()
    assert (found[np.arange(500), fixed] == 0).all()


def test_qualities_equal_scikit_learn_and_their_errors_the_bootstrap():
    from sklearn.metrics import balanced_accuracy_score, r2_score

    rng = np.random.default_rng(0)
    true = rng.choice(4, 2000, p=[0.6, 0.3, 0.07, 0.03])
    predicted = np.where(rng.random(2000) < 0.6, true, rng.integers(0, 4, 2000))
    balanced = quality.balanced_accuracy(predicted, true)
    assert balanced.mean() == pytest.approx(balanced_accuracy_score(true, predicted))
    target = rng.normal(size=(2000, 2))
    guess = target + rng.normal(size=(2000, 2))
    explained = quality.r2(guess, target)
    assert explained.mean() == pytest.approx(r2_score(target, guess, multioutput="variance_weighted"), abs=0.01)
    draws = [rng.integers(0, 2000, 2000) for _ in range(400)]
    for values, again in (
        (balanced, [quality.balanced_accuracy(predicted[rows], true[rows]).mean() for rows in draws]),
        (explained, [quality.r2(guess[rows], target[rows]).mean() for rows in draws]),
    ):
        assert quality.mean_and_error(values)[1] == pytest.approx(np.std(again), rel=0.15)


def test_circular_factors_wrap_round_and_continuous_ones_are_cut_at_quantiles():
    index = Factor("turn", "circular", np.arange(8.0), np.arange(8.0))
    targets = index.targets()[0]
    steps = np.linalg.norm(targets - np.roll(targets, 1, axis=0), axis=1)
    assert (index.period, index.has_classes) == (8, True)
    assert steps == pytest.approx(np.full(8, steps[0]))
    angle = Factor("turn", "circular", np.array([0.1, 6.2]), np.array([0.5, 3.0]))
    assert (angle.period, angle.has_classes) == (2 * np.pi, False)
    values = np.random.default_rng(0).normal(size=1000) ** 3
    assert np.bincount(np.digitize(values, quantile_edges(values, 4))).tolist() == [250] * 4
    assert quantile_edges(np.zeros(10), 4).tolist() == [0]


@pytest.mark.parametrize(
    "kernel",
    [
        disentanglement,
        completeness,
        active_units,
        lambda bad: mig_hist(bad, np.zeros((4, 1), dtype=int)),
        lambda bad: mig_density(bad, bad, bad, np.zeros((4, 1), dtype=int)),
        lambda bad: differences(bad, np.zeros((4, 1), dtype=int), 2, 2, np.random.default_rng(0)),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_kernels_refuse_what_is_not_finite(kernel, value):
    with pytest.raises(ValueError, match="finite"):
        kernel(np.full((4, 2), value))
