"""Intervals, paired differences and ranks against scipy."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmark.reporting.comparing import certain_best, compare, seed_correlation, welch
from benchmark.reporting.statistics import PLAIN, Estimate, Scale, decimals, half_widths, of_values, ranks


def interval(values):
    return of_values(values).interval()


def paired(left, right):
    return compare(left, right).difference.interval()


def seeds(values):
    return dict(enumerate(values))


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


def test_unpaired_is_scipys_welch_with_whole_degrees_of_freedom():
    rng = np.random.default_rng(0)
    left, right = rng.normal(1, 1, 6), rng.normal(0, 4, 9)
    found, known = welch(seeds(left), seeds(right)), stats.ttest_ind(left, right, equal_var=False)
    assert (found.mean, found.mean / found.stderr) == pytest.approx((left.mean() - right.mean(), known.statistic))
    assert found.df == math.floor(known.df)
    assert found.n == 6
    assert math.isnan(welch({0: 1.0}, seeds(right)).stderr)


def test_seeds_are_paired_where_others_say_that_it_helps():
    rng = np.random.default_rng(0)
    common = rng.normal(0, 9, 5)
    left, right = seeds(common + rng.normal(1, 0.1, 5)), seeds(common)
    assert compare(left, right).paired  # nobody says anything
    assert compare(left, right, elsewhere=0.9).paired
    assert not compare(left, right, elsewhere=0.1).paired
    assert not compare(left, right, alike=False).paired
    assert "n = 5 seeds, paired (r = 1.00, 0.90 elsewhere)" in compare(left, right, elsewhere=0.9).sample
    assert "n = 5 and 5 seeds, not paired (r = 1.00)" in compare(left, right, alike=False).sample
    assert not compare(left, {0: 1.0, 7: 2.0, 8: 3.0}).paired  # one seed in common


def test_the_correlation_of_seeds_leaves_out_what_is_compared():
    rng = np.random.default_rng(0)
    common = rng.normal(size=50)
    values = {name: seeds(common + 0.1 * rng.normal(size=50)) for name in "abc"} | {"x": seeds(rng.normal(size=50))}
    assert seed_correlation(values, ("x",)) > 0.9
    assert abs(seed_correlation(values, ("a", "b"))) < 0.3
    assert math.isnan(seed_correlation(values, ("a", "b", "c")))
    assert math.isnan(seed_correlation({"a": {0: 1.0, 1: 2.0}, "b": {0: 1.0, 1: 2.0}}))  # two seeds always correlate
    assert math.isnan(seed_correlation({"a": seeds([1.0] * 5), "b": seeds(range(5))}))


@pytest.mark.parametrize("scale", [PLAIN, Scale(np.log, np.exp)])
def test_an_interval_excludes_a_bound_from_its_p_value_on(scale):
    found = Estimate(2.0, 0.3, 4, 5, scale)
    p = found.p(1.0)
    assert 0 < p < 1
    assert found.interval(1 - 1.01 * p).excludes(1.0)
    assert not found.interval(1 - 0.99 * p).excludes(1.0)
    assert (found.p(2.0), Estimate(2.0, 0.0, 4, 5).p(1.0), Estimate(2.0, math.nan, 0, 1).p(1.0)) == (1.0, 0.0, 1.0)


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


def test_certain_best_beats_every_other_one_for_certain():
    clear = {"a": {0: 5.0, 1: 7.0, 2: 6.0}, "b": {0: 4.0, 1: 6.01, 2: 5.0}, "c": {0: 0.1, 1: 0.0, 2: 0.0}}
    assert certain_best(clear, "higher") == "a"
    assert certain_best(clear, "lower") == "c"
    assert certain_best(clear, "") is None
    assert certain_best({"a": {0: 5.0, 1: 1.0}, "b": {0: 4.0, 1: 1.5}}, "higher") is None
    assert certain_best({"a": {0: 5.0}, "b": {0: 4.0}}, "higher") is None  # one seed decides nothing
    unsure = {"far": {0: 0.0, 1: 0.0, 2: 9.0}}  # third by its mean, and yet perhaps the best
    assert certain_best({**clear, **unsure}, "higher") is None


def test_the_more_there_are_the_more_a_winner_must_show():
    pair = {"a": seeds([1.0, 1.3, 1.1]), "b": seeds([0.0, 0.1, 0.3])}
    crowd = {str(i): seeds([-9.0 - i, -9.5 - i, -9.2 - i]) for i in range(20)}
    assert certain_best(pair, "higher") == "a"
    assert certain_best({**pair, **crowd}, "higher") is None


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
