"""Other gaps of information between code axes and factors, from one matrix I (D, F) in nats and entropies H (F,)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Representation, Score
from metrics.declared import INFORMATION, UNBOUNDED, Declared
from metrics.factors import Factor, constant_score, factor_rows, generative_factors, varying_mask
from metrics.mutual_information import class_matrix, entropies, equal_width_bins, histogram_matrix
from metrics.options import Several
from metrics.scaling import scaling

SCORES = (
    Declared("mig_sup", "MIG-sup", "gap between the two factors that each active code knows most about",
             "0..1; 1: each active axis knows one factor and no other; 0: chance",
             topic=INFORMATION, column=4, changed_by=("outlier",)),
    Declared("dcimig", "DCIMIG", "information that codes hold on one factor alone, as a share of all there is",
             "0..1; 1: each factor has an axis of its own; 0: chance",
             topic=INFORMATION, column=5, changed_by=("outlier",)),
    Declared("jemmig", "JEMMIG", "joint entropy of the best code and its factor less the gap",
             "lower is better; 0: one axis is the factor and no other knows of it; noise is near H(v) + log bins",
             "nats", "lower", (0, UNBOUNDED), INFORMATION, column=6, changed_by=("outlier", "noise_far")),
)  # fmt: skip


def mig_sup(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """Does each active axis know one factor better than every other? The counterpart of the MIG, seen from the codes.

    mean_j (I_1st - I_2nd) of I(z_j; v_k) / H(v_k) over factors (Li et al., 2020), over axes that have not collapsed
    (metrics.scaling). Range 0..1; 1: each active axis knows one factor entirely and no other; noise is near 0, as is
    an axis that knows two factors alike. Duplicated axes cost nothing. With one factor the second is 0. Invariant to
    permutation, sign, shift, scale of an axis, constant axes; one outlier leaves its axis with few bins.
    """
    factors, matrix, entropy = _matrix(representation, "mig_sup", bins)
    active = scaling(representation.test.mean, representation.test.stddev).active
    value = supervised_gap(matrix[active], entropy) if active.any() else 0.0
    note = f"{int(active.sum())} of {len(active)} axes active, {bins} equal-width bins of the means"
    return _with_constant(factors, Score("mig_sup", value, None, "score", "higher", representation.point, reason=note))


def dcimig(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """The information that axes hold on one factor alone, as a share of all there is to know.

    See exclusive_information (Sepliarskaia et al., 2019). Range 0..1; 1: each factor has an axis of its own that knows
    it entirely; noise is near 0. Invariant to permutation, sign, scale of an axis, duplicates, constant axes.
    """
    factors, matrix, entropy = _matrix(representation, "dcimig", bins)
    note = f"{bins} equal-width bins of the means"
    value = exclusive_information(matrix, entropy)
    return _with_constant(factors, Score("dcimig", value, None, "score", "higher", representation.point, reason=note))


def jemmig(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """Joint entropy minus information gap in nats, lower is better: also punishes an axis for what else it holds.

    mean_k H(z*, v_k) - I(z*; v_k) + I(z_2nd; v_k), z* the axis that knows v_k best, binned (Do and Tran, 2020). Range
    0..H(v_k) + log bins; 0: z* is the factor and no other axis knows of it; noise is near the upper end, and no axis
    at all would give H(v_k). Depends on the number of bins through H(z*). Invariant to permutation, sign, scale.
    """
    factors, matrix, entropy = _matrix(representation, "jemmig", bins)
    axes = entropies(np.column_stack([equal_width_bins(axis, bins) for axis in representation.test.mean.T]))
    note = f"at most H(v) + log {bins} = {entropy.mean() + np.log(bins):.3f} nats on average"
    blank = Score("jemmig", None, None, "nats", "lower", representation.point)
    return factor_rows(blank, factors, joint_minus_gap(matrix, axes, entropy), note)


def supervised_gap(information: Array, entropy: Array) -> float:
    """Mean over axes of the gap between the two greatest entries of a row of I / H (D, F); the second of one is 0."""
    padded = np.sort(np.column_stack([np.zeros(len(information)), information / entropy]), axis=1)
    return float((padded[:, -1] - padded[:, -2]).mean())


def exclusive_information(information: Array, entropy: Array) -> float:
    """sum_k max_j g_jk / sum_k H(v_k), where g_jk = I_1st - I_2nd of axis j if k is its best factor, else 0."""
    padded = np.sort(np.column_stack([np.zeros(len(information)), information]), axis=1)
    kept = np.zeros_like(information)
    kept[np.arange(len(information)), information.argmax(axis=1)] = padded[:, -1] - padded[:, -2]
    return float(kept.max(axis=0).sum() / entropy.sum())


def joint_minus_gap(information: Array, axes: Array, entropy: Array) -> Array:
    """H(z*) + H(v) - 2 I(z*; v) + I(z_2nd; v) per factor (F,), axes (D,) the entropies of the binned codes."""
    best = information.argmax(axis=0)
    padded = np.sort(np.vstack([np.zeros_like(entropy), information]), axis=0)
    return np.maximum(0.0, axes[best] + entropy - 2 * padded[-1] + padded[-2])


def _matrix(representation: Representation, metric: str, bins: int) -> tuple[list[Factor], Array, Array]:
    """All generative factors, and the information (D, F) and entropies (F,) of those that vary."""
    factors = generative_factors(representation, metric, bins)
    varies = varying_mask(factors)
    entropy = entropies(class_matrix(factors, bins)[:, varies])
    return factors, histogram_matrix(representation, factors, bins)[:, varies], entropy


def _with_constant(factors: list[Factor], score: Score) -> list[Score]:
    return [*(constant_score(score.name, factor) for factor in factors if not factor.varies), score]
