"""Dependence between code axes (N, D) without any factors: Gaussian total correlation, Wasserstein, pairs of axes."""

from __future__ import annotations

import numpy as np

from metrics.core import WIDEST, Array, Representation, Score, too_wide
from metrics.declared import DEPENDENCE, NO_ZERO, UNBOUNDED, Declared
from metrics.factors import require_finite
from metrics.mutual_information import equal_width_bins, plug_in
from metrics.options import Several
from metrics.scaling import varies

FLOOR = 1e-6  # of an eigenvalue of the correlations, below which one axis is a linear function of the others


SCORES = (
    Declared("gaussian_total_correlation", "Gaussian TC", "linear dependence among all codes",
             "from 0 nats; 0: no linear dependence, also of a collapsed code; no direction", "nats", None,
             (0, UNBOUNDED), DEPENDENCE, column=1, related=160, widest=WIDEST),
    Declared("wasserstein_correlation", "Wasserstein corr.", "the same in bounded units",
             "0..2; 0: no correlation, also of a collapsed code; no direction", "share", None, (0, 2), DEPENDENCE,
             column=2, changed_by=("one_axis",), widest=WIDEST),
    Declared("pairwise_mutual_information", "pairwise information", "mean information between two codes",
             f"0..log bins; {NO_ZERO}: independent axes score up to the bias; no direction", "nats", None,
             (0, UNBOUNDED), DEPENDENCE, column=3, changed_by=("constant", "noise_far"), widest=WIDEST),
)  # fmt: skip


NAMES = tuple(declared.name for declared in SCORES)


def unsupervised(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """Three dependences between axes on test, of the means and of one sample of q(z|x); none has a direction.

    All are 0 for independent axes, of a single axis, and of a collapsed code: low is good only beside what the code
    keeps (Locatello et al., 2019). See the three functions for formulas and ranges.
    """
    if wide := too_wide(representation, SCORES):
        return wide
    bias = f"independent axes up to {(bins - 1) ** 2 / (2 * len(representation.test)):.3f}"
    scores = []
    for view in representation.views:
        codes = representation.test.views[view]
        found = (
            (*_gaussian(codes), "nats"),
            (wasserstein_correlation(codes), "of the total variance, 0..2", "share"),
            (pairwise_mutual_information(codes, bins), bias, "nats"),
        )
        rows = zip(NAMES, found, strict=True)
        scores += [Score(name, v, None, unit, None, view, reason=note) for name, (v, note, unit) in rows]
    return scores


def _gaussian(codes: Array) -> tuple[float | None, str]:
    """Gaussian total correlation and what independent axes would score, or why so few examples have none."""
    number, axes = len(codes), int(varies(codes).sum())
    if number <= axes:
        return None, f"{number} examples are too few for the correlations of {axes} axes"
    bias = f"independent normal axes score {gaussian_bias(number, axes):.3f} at N = {number}"
    return gaussian_total_correlation(codes), f"{bias}, correlations' eigenvalues at least {FLOOR:g}"


def gaussian_bias(number: int, axes: int) -> float:
    """Expected gaussian_total_correlation of `number` examples of independent normal axes, fewer than there are
    examples: 1/2 sum_{i < D} psi((N - 1) / 2) - psi((N - 1 - i) / 2), about D (D - 1) / 4 N (Anderson, 2003, 9.3)."""
    from scipy.special import digamma

    freedom = number - 1 - np.arange(axes)
    return float(0.5 * (digamma((number - 1) / 2) - digamma(freedom / 2)).sum())


def gaussian_total_correlation(codes: Array, floor: float = FLOOR) -> float:
    """Total correlation of the normal distribution with the codes' covariance, -1/2 log det of the correlations, nats.

    Locatello et al., 2019; a lower bound of the true one if each axis is normal. Range from 0 without limit; 0: no
    linear dependence. Eigenvalues of the correlations below `floor` count as `floor`: an axis that repeats another adds
    about 1/2 log(1 / floor) = 6.9 nats, where the formula says infinity. Constant axes are left out: they depend on
    nothing. Invariant to permutation, sign, and the scale of any axis.
    """
    require_finite(codes)
    values = np.linalg.eigvalsh(_correlations(codes))
    return max(0.0, float(-0.5 * np.log(np.maximum(values, floor)).sum()))


def wasserstein_correlation(codes: Array) -> float:
    """Squared 2-Wasserstein distance between the normals with the codes' covariance and its diagonal, over the trace.

    (2 tr S - 2 tr sqrt(V S V)) / tr S with V^2 = diag S (Locatello et al., 2019). Range 0..2; 0: no correlation; D
    equal axes: 2 (1 - 1 / sqrt(D)). Finite for any covariance; axes of little variance hardly count. Invariant to
    permutation, sign and a common scale.
    """
    require_finite(codes)
    variance, correlations = codes.var(axis=0)[varies(codes)], _correlations(codes)
    if not len(variance):
        return 0.0
    between = correlations * np.outer(variance, variance)  # V S V, V = diag of standard deviations
    roots = np.sqrt(np.maximum(0.0, np.linalg.eigvalsh(between)))
    return max(0.0, float(2 - 2 * roots.sum() / variance.sum()))


def pairwise_mutual_information(codes: Array, bins: int = 20) -> float:
    """Mean over pairs of different axes of their plug-in information in nats, each axis in equal-width bins.

    Locatello et al., 2019. Range 0..log bins; independent axes score up to about (bins - 1)^2 / 2N, not 0 (no usable
    zero). Constant axes share nothing and lower the mean. Invariant to permutation, sign, scale of an axis; an outlier
    leaves its axis with few bins.
    """
    require_finite(codes)
    binned = np.column_stack([equal_width_bins(axis, bins) for axis in codes.T])
    pairs = [plug_in(binned[:, : 1 + j], binned[:, 1 + j :][:, :1])[:, 0] for j in range(codes.shape[1] - 1)]
    return float(np.concatenate(pairs).mean()) if pairs else 0.0


def _correlations(codes: Array) -> Array:
    kept = codes[:, varies(codes)]
    unit = (kept - kept.mean(axis=0)) / kept.std(axis=0)
    return np.asarray(unit.T @ unit / len(codes))
