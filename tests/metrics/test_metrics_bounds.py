"""What N posteriors say of the population's aggregate: bounds against closed forms of linear-Gaussian models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metrics.aggregate import log_aggregate, log_others, log_posterior, with_own
from metrics.bounds import copula_terms, densities, mixed
from metrics.core import Codes, Representation, Score
from metrics.information import information
from metrics.mig import mig
from tests.support.metric_cases import representation


def gaussian_codes(n: int, axes: int, stddev: float, correlation: float, rng: np.random.Generator) -> Codes:
    """Codes whose aggregate posterior is N(0, C), C with 1 on its diagonal and the correlation elsewhere."""
    covariance = (1 - correlation) * np.eye(axes) + correlation
    mean = rng.normal(size=(n, axes)) @ np.linalg.cholesky(covariance - stddev**2 * np.eye(axes)).T
    return Codes.gaussians(mean, np.full(mean.shape, stddev), mean + stddev * rng.normal(size=mean.shape))


def gaussian(n: int, axes: int, stddev: float, correlation: float = 0.0, seed: int = 0) -> Representation:
    rng = np.random.default_rng(seed)
    return Representation(*(gaussian_codes(n, axes, stddev, correlation, rng) for _ in range(2)))


def in_units(codes: Codes, units: np.ndarray, shift: float) -> Codes:
    return Codes.gaussians(codes.mean * units + shift, codes.stddev * units, codes.views["sample"] * units + shift)


def rows_of(data: Representation, **options) -> dict[str, Score]:
    found = information(data, np.random.default_rng(0), axis_points=500, **options)
    return {score.name: score for score in found}


def exact(axes: int, stddev: float, correlation: float) -> dict[str, float]:
    """Total correlation and information in nats, and divergences from N(0, I)."""
    half = 0.5 * np.linalg.slogdet((1 - correlation) * np.eye(axes) + correlation)[1]
    known = {"total_correlation": -half, "mutual_information": half - axes * np.log(stddev)}
    return {**known, "dimensionwise_kl": 0.0, "marginal_kl": -half}


@pytest.mark.parametrize(
    ("n", "axes", "stddev", "correlation"),
    [
        (2000, 10, 0.2, 0.0),  # posteriors too narrow for N points: the N-point mixture alone says 8.6 nats
        (2000, 10, 0.02, 0.5),
        (1000, 10, 0.9, 0.0),
        (2000, 2, 0.3, 0.9),
        (1000, 4, 0.1, 0.9),
        (1000, 1, 0.1, 0.0),
        (60, 10, 0.2, 0.0),
    ],
)
def test_the_truth_of_a_gaussian_lies_between_the_bounds_and_no_error_bar_excludes_it(n, axes, stddev, correlation):
    truths = exact(axes, stddev, correlation)
    found = rows_of(gaussian(n, axes, stddev, correlation), prior="standard_normal")
    chance = 3.5 * np.sqrt(2 * axes / min(n, 500))  # of log-densities of `axes` normals
    for name, truth in truths.items():
        assert found[name].value - chance <= truth <= found[f"{name}_upper"].value + chance, name
        for score in (found[name], found[f"{name}_upper"]):
            assert score.stderr is None or abs(score.value - truth) < 3.5 * score.stderr, name


def test_independent_axes_have_no_total_correlation_however_narrow_in_any_units():
    data = gaussian(3000, 10, 0.1)
    rows = rows_of(data)
    plain = rows["total_correlation"]
    assert plain.value == pytest.approx(0, abs=0.02)
    assert plain.stderr is None
    assert rows["total_correlation_upper"].value > 10
    units = np.logspace(-3, 6, 10)
    other = Representation(*(in_units(part, units, 1e6) for part in (data.train, data.test)))
    assert rows_of(other)["total_correlation"].value == pytest.approx(plain.value, abs=1e-6)
    assert "at most log N = 8.006 nats" in rows["mutual_information"].reason
    assert rows["mutual_information_upper"].value > 20  # the truth is 23
    assert "log N" not in rows["mutual_information_upper"].reason
    assert rows["mutual_information"].stderr is None  # saturated: at log N without any spread


def test_a_far_outlier_moves_no_bound_by_more_than_its_share():
    data = gaussian(1000, 4, 0.2, 0.5)
    before = rows_of(data, prior="standard_normal")
    moved = data.test.mean.copy(), data.test.views["sample"].copy()
    for array in moved:
        array[::500, 0] += 1e4
    found = rows_of(Representation(data.train, Codes.gaussians(moved[0], data.test.stddev, moved[1])))
    for name in ("mutual_information", "total_correlation"):
        assert found[name].value == pytest.approx(before[name].value, abs=0.1)
        assert found[f"{name}_upper"].value == pytest.approx(before[f"{name}_upper"].value, abs=0.2)


def test_lower_and_upper_bounds_make_up_the_rate():
    codes = representation(n=300).test
    log_p = log_posterior(codes.views["sample"], np.zeros(1), np.ones(1)).sum(axis=1)
    rate = (log_posterior(codes.views["sample"], codes.mean, codes.stddev).sum(axis=1) - log_p).mean()
    found = densities(codes, codes.views["sample"], np.arange(300))
    information, correlation = found.mutual_information(), found.total_correlation()
    apart, marginal = found.dimensionwise(log_p), found.marginal(log_p)
    assert information.low.mean() + marginal.high.mean() == pytest.approx(rate, abs=1e-9)
    assert information.high.mean() + marginal.low.mean() == pytest.approx(rate, abs=1e-9)
    parts = information.low.mean() + correlation.high.mean() + apart.low.mean()
    assert parts == pytest.approx(rate, abs=1e-9)


def test_dependence_that_no_copula_sees_is_found_where_posteriors_overlap():
    def ring(rng):
        angle = rng.uniform(0, 2 * np.pi, 2000)
        mean = np.column_stack([np.sin(angle), np.cos(angle)])
        return Codes.gaussians(mean, np.full(mean.shape, 0.1), mean + 0.1 * rng.normal(size=mean.shape))

    rng = np.random.default_rng(0)
    found = rows_of(Representation(ring(rng), ring(rng)))
    for name in ("total_correlation", "total_correlation_upper"):
        assert found[name].value == pytest.approx(0.679, abs=0.08)  # by quadrature; the normal copula finds 0


def test_information_of_apart_and_of_equal_posteriors():
    noise = np.random.default_rng(0).normal(size=(50, 1))
    apart, ones = 100.0 * np.arange(50)[:, None], np.ones((50, 1))
    for mean, known in ((apart, np.log(50)), (0 * apart, 0.0)):
        found = densities(Codes.gaussians(mean, ones, mean + noise), mean + noise, np.arange(50)).mutual_information()
        np.testing.assert_allclose(found.low, known, atol=1e-12)
        assert found.high.mean() >= known - 1e-9


def test_the_mixture_with_its_own_component_is_the_mixture_of_all():
    rng = np.random.default_rng(0)
    mean, stddev = rng.normal(size=(50, 3)), rng.uniform(0.1, 0.4, (50, 3))
    sample, rows = mean + stddev * rng.normal(size=(50, 3)), np.array([3, 40, 7])
    others = log_others(sample[rows], mean, stddev, rows)
    own = log_posterior(sample, mean, stddev).sum(axis=1)[rows]
    np.testing.assert_allclose(with_own(others, own, 50), log_aggregate(sample[rows], mean, stddev))
    without = np.delete(np.arange(50), 40)
    np.testing.assert_allclose(others[1], log_aggregate(sample[40:41], mean[without], stddev[without])[0])


def test_the_copula_never_finds_dependence_among_independent_axes_on_average():
    rng = np.random.default_rng(0)
    found = [copula_terms(*rng.standard_cauchy((2, 100, 5))).mean() for _ in range(50)]
    assert np.mean(found) < 0
    assert max(found) < 0.1
    pair = rng.multivariate_normal(np.zeros(2), [[1, 0.9], [0.9, 1]], (2, 4000))
    terms = copula_terms(*np.exp(3 * pair))
    assert terms.mean() == pytest.approx(-0.5 * np.log(1 - 0.81), abs=4 * terms.std() / np.sqrt(4000))
    assert np.isfinite(copula_terms(np.ones((1, 3)), np.ones((2, 3)))).all()


def test_a_mixture_is_as_good_as_either_part():
    one, other = np.array([0.0, -1e3, 0.0]), np.array([-2.0, -2.0, -2.0])
    assert mixed(one, other).mean() > max(one.mean(), other.mean())
    assert mixed(one, one - 1e3) == pytest.approx(one, abs=1e-9)
    assert mixed(one - 1e3, one) == pytest.approx(one, abs=1e-9)


def test_one_example_has_no_aggregate():
    data = gaussian(1, 2, 0.5)
    assert "one example" in rows_of(data)["total_correlation"].reason
    few = [rows_of(gaussian(2, 2, 0.5, seed=seed))["total_correlation"] for seed in range(9)]
    assert all(np.isfinite(score.value) and score.stderr is None for score in few)


def test_a_gap_by_densities_says_where_posteriors_are_too_narrow_for_n():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 10, (1000, 2)).astype(float)
    for stddev, said in ((0.3, False), (0.003, True)):
        parts = [gaussian_codes(1000, 3, stddev, 0.0, rng) for _ in range(2)]
        known = {"factors": factors, "factor_names": ("a", "b"), "factor_types": ("discrete",) * 2}
        rows = mig(Representation(*(replace(part, **known) for part in parts)), rng)
        note = next(row.reason for row in rows if row.name == "mig_density" and row.factor is None)
        assert ("too narrow for N" in note) is said
