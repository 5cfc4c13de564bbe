"""Log-densities of a population's aggregate posterior from below and above, known from N posteriors (N, D), in nats.

With its own component the mixture of N posteriors is too dense at a sample, without it too thin: in expectation
E log q_others(z) <= E log q(z) <= E log q_all(z). Where posteriors are narrow the two lie far apart, and what follows
from one of them alone says more of N than of the code.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metrics.aggregate import log_others, log_posterior, with_own
from metrics.core import Array, Codes
from metrics.factors import Labels

_STEPS = 100  # of the weight of a mixture


class Bounds(NamedTuple):
    """Terms per example whose means are, in expectation, at most and at least a quantity of the population."""

    low: Array
    high: Array


class Densities(NamedTuple):
    """log q(z|x), log q(z) and sum_j log q(z_j) at samples z, and what else is known of how the axes depend."""

    own: Array  # (N,)
    joint: Bounds  # (M,) and (N,)
    axes: Bounds  # (M,) each
    dependence: Array  # (M,), see copula_terms
    rows: Labels  # which M of the N

    def mutual_information(self) -> Bounds:
        """I(x; z) = E log q(z|x) - log q(z)."""
        return Bounds(self.own - self.joint.high, self.own[self.rows] - self.joint.low)

    def total_correlation(self) -> Bounds:
        """KL(q(z) || prod_j q(z_j)) = E log q(z) - sum_j log q(z_j)."""
        low = better(self.dependence, self.joint.low - self.axes.high)
        return Bounds(low, self.joint.high[self.rows] - self.axes.low)

    def dimensionwise(self, log_p: Array) -> Bounds:
        """sum_j KL(q(z_j) || p(z_j)), log_p (M,) of a prior that factorises."""
        return Bounds(self.axes.low - log_p, self.axes.high - log_p)

    def marginal(self, log_p: Array) -> Bounds:
        """KL(q(z) || p(z)), log_p (M,)."""
        return Bounds(self.joint.low - log_p, self.joint.high[self.rows] - log_p)


def densities(codes: Codes, train: Array, rows: Labels) -> Densities:
    """The densities of N >= 2 codes: the joint one with all components at every sample, all else at those of `rows`.

    From below, densities that do not know the sample's own component: the mixture of all others, itself mixed with a
    broad density, so that a point far from all others costs no more than that one says. For an axis that is a Cauchy
    density over its quartiles, for all axes together the product of the axes with the normal copula of the samples
    `train` (N', D), or with none.
    """
    sample, mean, stddev = codes.diagonal()
    own_axes = log_posterior(sample, mean, stddev)
    own, everyone, n = own_axes.sum(axis=1), np.arange(len(codes)), len(codes)
    others = log_others(sample, mean, stddev, everyone)
    each = [_axis(*axis, rows) for axis in zip(sample.T, mean.T, stddev.T, own_axes.T, strict=True)]
    axes = Bounds(*np.sum(each, axis=0))
    dependence = better(np.zeros(len(rows)), copula_terms(train, sample)[rows])
    joint = Bounds(mixed(others[rows], axes.low + dependence), with_own(others, own, n))
    return Densities(own, joint, axes, dependence, rows)


def copula_terms(train: Array, test: Array) -> Array:
    """log c(u) (M,) of the ranks u of test samples (M, D) under the normal copula with the train samples' correlations.

    log c = -1/2 log det R - 1/2 s^T (R^-1 - I) s with s the normal scores of u. Its mean is at most the total
    correlation in expectation, whatever the true copula is, and equals it for normal ones. R is drawn to I by 1/N' of
    the way: it has an inverse, and an axis that repeats another adds about 1/2 log N'. Invariant to any increasing map
    of an axis, so to units and outliers.
    """
    scores, known = _normal_scores(test), _normal_scores(train)
    correlations = known.T @ known / len(known)
    np.fill_diagonal(correlations, 1.0)
    correlations += (np.eye(len(correlations)) - correlations) / len(known)
    excess = np.linalg.inv(correlations) - np.eye(len(correlations))
    return np.asarray(-0.5 * np.linalg.slogdet(correlations)[1] - 0.5 * ((scores @ excess) * scores).sum(axis=1))


def mixed(one: Array, other: Array) -> Array:
    """Log-density (M,) of the mixture of two whose log-densities are given, with the weight that suits all M best."""
    weight = 0.5
    for _ in range(_STEPS):  # expectation maximisation of one number, whose mean gains about 1 / 2M by it
        sides = one + np.log1p(-weight), other + np.log(weight)
        weight = float(np.clip(np.exp(sides[1] - np.logaddexp(*sides)).mean(), 1e-12, 1 - 1e-12))
    return np.logaddexp(one + np.log1p(-weight), other + np.log(weight))


def better(one: Array, other: Array) -> Array:
    """Of two lower bounds the one with the greater mean."""
    return one if one.mean() >= other.mean() else other


def _axis(sample: Array, mean: Array, stddev: Array, own: Array, rows: Labels) -> Bounds:
    others = log_others(sample[rows, None], mean[:, None], stddev[:, None], rows)
    low, middle, high = np.quantile(sample, [0.25, 0.5, 0.75])
    scale = (high - low) / 2 + np.median(stddev)
    broad = -np.log(np.pi * scale) - np.log1p(((sample[rows] - middle) / scale) ** 2)
    return Bounds(mixed(others, broad), with_own(others, own[rows], len(mean)))


def _normal_scores(values: Array) -> Array:
    """Each column (N,) as the normal quantiles of its ranks, with variance 1 (0 of a constant column)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = ndtri((rankdata(values, axis=0) - 0.5) / len(values))
    spread = scores.std(axis=0)
    return np.asarray(scores / np.where(spread > 0, spread, 1.0))
