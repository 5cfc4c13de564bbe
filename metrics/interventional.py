"""Scores from pairs of examples that share one factor (drawn by index among codes (N, D) already encoded)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metrics.core import Array, Representation, Score, joined
from metrics.declared import INTERVENTION, NO_ZERO, Declared
from metrics.factors import Labels, constant_score, generative_factors, require_finite
from metrics.linear import fit_logistic
from metrics.options import Count, Several
from metrics.quality import accuracy, error_over_blocks
from metrics.scaling import scaling, standardised

_CHUNK = 1 << 17  # entries of the differences held at a time: 1 MB, so that a chunk stays in the cache


SCORES = (
    Declared("beta_vae_score", "beta-VAE score", "accuracy of naming the factor held fixed from differences of codes",
             f"0..1; 1: every factor leaves its own trace; {NO_ZERO}: chance is 1/F of F factors", "accuracy",
             topic=INTERVENTION, column=1, drawn=True, related=10),
)  # fmt: skip


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
    are held fixed within `factor_bins` quantile bins. The standard error is over test examples (over blocks of them:
    more differences do not shrink it), with what was fitted held fixed. Codes are standardised, see metrics.scaling:
    invariant to permutation, sign, shift, the scale of each axis, constant axes, and nearly so to an outlier.
    """
    factors = generative_factors(representation, "beta_vae_score", factor_bins)
    varying = [factor for factor in factors if factor.varies]
    scores = [constant_score("beta_vae_score", factor) for factor in factors if not factor.varies]
    if len(varying) == 1:
        why = f"{varying[0].name} is the only factor that varies, so there is nothing to tell apart"
        return [*scores, Score("beta_vae_score", None, unit="accuracy", better="higher", reason=why)]
    classes = [factor.classes(factor_bins) for factor in varying]
    train, test = (np.column_stack([pair[part] for pair in classes]) for part in (0, 1))
    inside, outside, scaled = standardised(representation)
    fitted, fixed = differences(inside, train, num_train, batch_size, rng)
    predict = fit_fixed(fitted, fixed, inside.std(axis=0))

    def right(rows: Labels, blocks: int = 1) -> float:
        scored, true = differences(outside[rows], test[rows], -(-num_test // blocks), batch_size, rng)
        return float(accuracy(predict(scored), true).mean())

    value = right(np.arange(len(test)))
    error, over = error_over_blocks(right, len(test), rng)
    chance = f"chance 1/{len(varying)}, {num_train} training and {num_test} test differences of {batch_size} pairs"
    note = joined(chance, over, scaled)
    return [*scores, Score("beta_vae_score", value, error, "accuracy", "higher", representation.point, reason=note)]


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
    size, found = max(1, _CHUNK // (one.shape[1] * codes.shape[1])), np.empty((len(one), codes.shape[1]))
    for at in range(0, len(one), size):
        rows = slice(at, at + size)
        apart = codes.take(one[rows], axis=0)
        apart -= codes.take(other[rows], axis=0)
        found[rows] = np.einsum("gmd->gd", np.abs(apart, out=apart)) / one.shape[1]
    return found


def fit_fixed(fitted: Array, fixed: Labels, spread: Array) -> Callable[[Array], Labels]:
    """A logistic regression on differences (N, D) that tells which factor (M,) was fixed from others (M, D).

    Differences are standardised, each axis to the `spread` (D,) that its codes have: a collapsed one stays small.
    """
    unit = scaling(fitted)
    model = fit_logistic(spread * unit(fitted), fixed, 1.0)
    return lambda scored: np.asarray(model.predict(spread * unit(scored)), dtype=np.int64)
