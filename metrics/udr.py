"""Unsupervised disentanglement ranking: do models of a sweep find the same axes? Codes (N, D_i) of M models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.core import Array
from metrics.declared import DEPENDENCE, NO_ZERO, Declared
from metrics.factors import require_finite
from metrics.scaling import scaling, varies

Similarity = Callable[[Array, Array], Array]
MOST_ROUNDS, TOLERANCE = 1000, 1e-6  # of the coordinate descent


READING = f"0..1; 1: every axis has one counterpart in other models; {NO_ZERO}: noise is above 0"
SCORES = (
    Declared("udr_lasso", "UDR, lasso", "how well codes pair up with those of other seeds", READING,
             topic=DEPENDENCE, column=4, related=90),
    Declared("udr_spearman", "UDR, Spearman", "the same by rank correlation", READING,
             topic=DEPENDENCE, column=5, related=100),
)  # fmt: skip
NAMES = tuple(score.name for score in SCORES)


@dataclass(frozen=True)
class Agreement:
    """What every two models agree on, and each model's median over the others."""

    matrix: Array  # (M, M), symmetric but for Lasso, zero on the diagonal
    scores: Array  # (M,)


def udr(
    codes: Sequence[Array],
    kl: Sequence[Array],
    rng: np.random.Generator,
    *,
    threshold: float = 0.01,
    alpha: float = 0.1,
    num_examples: int = 2000,
) -> dict[str, Agreement]:
    """udr_lasso and udr_spearman of M >= 2 models: codes (N, D_i) of the same N examples, and their rates kl (D_i,).

    For models a and b, without the axes of rate below `threshold` nats, R_ij is |weight| of axis i of a in a Lasso
    (penalty alpha, standardised) that predicts axis j of b, or |Spearman's correlation| of the two; their agreement is
    the mean over all rows and columns of max^2 / sum, and a model's score its median over the other models (Duan et
    al., 2020). At most `num_examples` examples are used. Range 0..1; 1: every axis has one counterpart and nothing
    else (the Lasso's shrinkage leaves 1 - alpha); a model without an active axis 0. Has no usable zero: the greatest
    of D chance correlations is not 0. Invariant to permutation, sign, shift, the scale of any axis, and nearly so to
    an outlier; defined only for models with a rate, and only within one sweep.
    """
    if len(codes) < 2 or len(codes) != len(kl):
        raise ValueError(f"udr compares at least 2 models with a rate each, got {len(codes)} codes and {len(kl)} rates")
    if len({len(part) for part in codes}) > 1:
        raise ValueError(f"udr needs codes of the same examples, got {[len(part) for part in codes]} of them")
    for part, rates in zip(codes, kl, strict=True):
        require_finite(part, rates)
    rows = np.sort(rng.permutation(len(codes[0]))[:num_examples])
    active = [part[rows][:, rates >= threshold] for part, rates in zip(codes, kl, strict=True)]
    unit, ranked = [_unit(scaling(part).cut(part)) for part in active], [_unit(_ranks(part)) for part in active]
    return {
        "udr_lasso": _agreement(unit, lambda a, b: lasso_weights(a, b, alpha)),
        "udr_spearman": _agreement(ranked, lambda a, b: np.abs(a.T @ b) / len(a)),
    }


def one_to_one(similarity: Array) -> float:
    """Mean over all rows and columns of max^2 / sum of similarities (D_a, D_b) >= 0; those without any count as 0."""
    if not similarity.size:
        return 0.0
    parts = [_share(similarity, axis) for axis in (0, 1)]
    return float(np.concatenate(parts).mean())


def lasso_weights(fitted: Array, target: Array, alpha: float) -> Array:
    """|weights| (D_a, D_b) of Lasso regressions from codes (N, D_a) to each column (N, D_b), both standardised.

    Each minimises |y - X w|^2 / (2 N) + alpha |w|_1 by coordinate descent on the correlations, for all columns at once:
    a sweep has thousands of pairs, and a library's fit of each would take minutes.
    """
    within, across = fitted.T @ fitted / len(fitted), fitted.T @ target / len(fitted)
    weights = np.zeros_like(across)
    for _ in range(MOST_ROUNDS):
        before = weights.copy()
        for i, size in enumerate(np.diag(within)):
            if size > 0:
                rest = across[i] - within[i] @ weights + size * weights[i]
                weights[i] = np.sign(rest) * np.maximum(np.abs(rest) - alpha, 0.0) / size
        if np.abs(weights - before).max(initial=0.0) < TOLERANCE:
            break
    return np.abs(weights)


def _agreement(codes: Sequence[Array], similarity: Similarity) -> Agreement:
    matrix = np.zeros((len(codes), len(codes)))
    for i, one in enumerate(codes):
        for j, other in enumerate(codes):
            if i != j and one.shape[1] and other.shape[1]:
                matrix[i, j] = one_to_one(similarity(one, other))
    others = matrix[~np.eye(len(codes), dtype=bool)].reshape(len(codes), -1)
    return Agreement(matrix, np.median(others, axis=1))


def _share(similarity: Array, axis: int) -> Array:
    total = similarity.sum(axis=axis)
    return np.asarray(similarity.max(axis=axis) ** 2 / np.where(total > 0, total, 1.0))


def _unit(codes: Array) -> Array:
    return np.asarray((codes - codes.mean(axis=0)) / np.where(varies(codes), codes.std(axis=0), np.inf))


def _ranks(codes: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(codes, axis=0), dtype=np.float64)
