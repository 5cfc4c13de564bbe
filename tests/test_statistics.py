"""Intervals, paired differences and ranks against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import certain_best, decimals, half_widths, interval, paired, ranks


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_interval_is_scipys(n):
    x = np.random.default_rng(n).normal(3, 2, n)
    found = interval(x)
    low, high = stats.t.interval(0.95, n - 1, x.mean(), stats.sem(x))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((x.mean(), low, high, n))


def test_one_seed_has_no_interval():
    found = interval([2.5])
    assert found.mean == 2.5
    assert found.n == 1
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert not found.excludes(0)


def test_no_seed_has_no_mean():
    assert math.isnan(interval([]).mean)
    assert interval([]).n == 0


def test_paired_is_scipys_paired_t_test():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 50, 6)
    left, right = common + rng.normal(1, 0.1, 6), common + rng.normal(0, 0.1, 6)
    found = paired(dict(enumerate(left)), dict(enumerate(right)))
    low, high = stats.ttest_rel(left, right).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.excludes(0)


def test_paired_takes_only_seeds_that_both_have():
    found = paired({0: 1.0, 1: 2.0, 7: 100.0}, {1: 1.0, 0: 0.5, 9: -100.0})
    assert found.n == 2
    assert found.mean == pytest.approx(0.75)


def test_half_widths_are_those_of_interval():
    x = np.random.default_rng(1).normal(size=(4, 3))
    expected = [interval(row).high - interval(row).mean for row in x]
    assert half_widths(x.std(axis=1, ddof=1), [3] * 4) == pytest.approx(expected)
    assert np.isnan(half_widths([0.0], [1])).all()


def test_interval_covers_as_often_as_it_says():
    x = np.random.default_rng(2).normal(size=(4000, 3))
    half = half_widths(x.std(axis=1, ddof=1), np.full(4000, 3))
    assert np.mean(np.abs(x.mean(axis=1)) < half) == pytest.approx(0.95, abs=0.012)


def test_ranks_share_ties_and_skip_nan():
    values = [0.5, 0.9, math.nan, 0.5, 0.1]
    assert ranks(values, "higher") == pytest.approx([2, 1, math.nan, 2, 4], nan_ok=True)
    assert ranks(values, "lower") == pytest.approx([2, 4, math.nan, 2, 1], nan_ok=True)


def test_a_quantity_without_direction_is_not_ranked():
    with pytest.raises(ValueError, match="direction"):
        ranks([1.0], "")


def test_certain_best_needs_a_paired_interval_without_zero():
    clear = {"a": {0: 5.0, 1: 7.0, 2: 6.0}, "b": {0: 4.0, 1: 6.1, 2: 5.0}, "c": {0: 0.0, 1: 0.0, 2: 0.0}}
    assert certain_best(clear, "higher") == "a"
    assert certain_best(clear, "lower") == "c"
    assert certain_best(clear, "") is None
    assert certain_best({"a": {0: 5.0, 1: 1.0}, "b": {0: 4.0, 1: 1.5}}, "higher") is None
    assert certain_best({"a": {0: 5.0}, "b": {0: 4.0}}, "higher") is None  # one seed decides nothing


@pytest.mark.parametrize(
    ("means", "halves", "expected"),
    [
        ([90.123], [0.31], 2),
        ([90.123], [12.0], 0),
        ([0.9], [0.00001], 3),
        ([98.7654], [math.nan], 2),
        ([8, 4], [0, 0], 0),
    ],
)
def test_decimals_follow_the_half_width(means, halves, expected):
    assert decimals(means, halves) == expected
