"""Scores from pairs of examples that share one factor (drawn by index among codes (N, D) already encoded)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Representation, Score, joined
from metrics.factors import Labels, constant_score, generative_factors, require_finite
from metrics.linear import fit_logistic
from metrics.options import Count, Several
from metrics.quality import accuracy, mean_and_error
from metrics.scaling import scaling, standardised

_CHUNK = 1 << 20  # entries of the differences held at a time


def beta_vae_score(
    representation: Representation,
    rng: np.random.Generator,
    *,
    batch_size: Count = 64,
    num_train: Several = 10000,
    num_test: Several = 5000,
    factor_bins: Several = 20,
) -> list[Score]:
    """Accuracy of a linear classifier that tells which factor was held fixed, from mean absolute differences of means.

    z_diff = 1/L sum_l |z_l - z'_l| over L = batch_size pairs that share factor k; accuracy of k given z_diff (Higgins
    et al., 2017). Fitted on pairs of the training part, scored on pairs of test. Range 0..1; 1: every factor leaves its
    own trace, which F - 1 disentangled factors of F already achieve; chance 1/F (no usable zero). Continuous factors
    are held fixed within `factor_bins` quantile bins. Codes are standardised, see metrics.scaling: invariant to
    permutation, sign, shift, the scale of each axis, constant axes, and nearly so to an outlier.
    """
    factors = generative_factors(representation, "beta_vae_score")
    varying = [factor for factor in factors if factor.varies]
    scores = [constant_score("beta_vae_score", factor) for factor in factors if not factor.varies]
    if len(varying) == 1:
        why = f"{varying[0].name} is the only factor that varies, so there is nothing to tell apart"
        return [*scores, Score("beta_vae_score", None, unit="accuracy", better="higher", reason=why)]
    classes = [factor.classes(factor_bins) for factor in varying]
    train, test = (np.column_stack([pair[part] for pair in classes]) for part in (0, 1))
    inside, outside, scaled = standardised(representation)
    fitted, fixed = differences(inside, train, num_train, batch_size, rng)
    scored, true = differences(outside, test, num_test, batch_size, rng)
    value, error = mean_and_error(accuracy(predict_fixed(fitted, fixed, scored, inside.std(axis=0)), true))
    chance = f"chance 1/{len(varying)}, {num_train} training and {num_test} test differences of {batch_size} pairs"
    return [*scores, Score("beta_vae_score", value, error, "accuracy", "higher", "mean", reason=joined(chance, scaled))]


def differences(
    codes: Array, factors: Labels, number: int, batch_size: int, rng: np.random.Generator
) -> tuple[Array, Labels]:
    """`number` mean absolute differences (number, D) between codes (N, D) that share one factor, and which (number,).

    The factor is drawn uniformly; for every pair a first example sets the value, and both members are drawn
    independently, with replacement, among the examples (N, F) that have it.
    """
    require_finite(codes)
    fixed = rng.integers(0, factors.shape[1], number)
    found = np.empty((number, codes.shape[1]))
    for factor in range(factors.shape[1]):
        points = np.flatnonzero(fixed == factor)
        one, other = shared_pairs(factors[:, factor], len(points) * batch_size, rng)
        found[points] = _mean_difference(codes, one.reshape(-1, batch_size), other.reshape(-1, batch_size))
    return found, fixed


def shared_pairs(values: Labels, number: int, rng: np.random.Generator) -> tuple[Labels, Labels]:
    """Rows (number,) of two examples each that share a value (N,), drawn as `differences` says."""
    order = np.argsort(values, kind="stable")
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    start = np.cumsum(count) - count
    chosen = group[rng.integers(0, len(values), number)]
    one, other = (order[start[chosen] + rng.integers(0, count[chosen])] for _ in range(2))
    return one, other


def _mean_difference(codes: Array, one: Labels, other: Labels) -> Array:
    """Mean over columns of |codes[one] - codes[other]|, rows (number, L) a few at a time: pixels as codes are wide."""
    size = max(1, _CHUNK // (one.shape[1] * codes.shape[1]))
    starts = range(0, len(one), size)
    parts = [np.abs(codes[one[at : at + size]] - codes[other[at : at + size]]).mean(axis=1) for at in starts]
    return np.concatenate(parts) if parts else np.empty((0, codes.shape[1]))


def predict_fixed(fitted: Array, fixed: Labels, scored: Array, spread: Array) -> Labels:
    """The factor (M,) that a logistic regression on differences (N, D) reads off others (M, D).

    Differences are standardised, each axis to the `spread` (D,) that its codes have: a collapsed one stays small.
    """
    unit = scaling(fitted)
    return np.asarray(fit_logistic(spread * unit(fitted), fixed, 1.0).predict(spread * unit(scored)), dtype=np.int64)
