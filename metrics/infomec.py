"""InfoMEC: modularity, explicitness and compactness of codes (N, D) in units of information on factors (N, F)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics import quality
from metrics.core import WIDEST, Array, Representation, Score, joined, too_wide
from metrics.declared import INFORMATION, NO_ZERO, UNBOUNDED, Declared
from metrics.factors import Factor, Labels, crowded, factor_rows, generative_factors, placed, varying_mask
from metrics.linear import fit_logistic, fit_ridge, log_probabilities
from metrics.mutual_information import class_matrix, entropies, entropy
from metrics.nearest_neighbours import mutual_information_nearest
from metrics.options import Count, Positive, Several, Share
from metrics.scaling import scaling, standardised

SHARED = f"0..1; 1: one factor per axis (one axis per factor); {NO_ZERO}: noise scores about 0.4 to 0.7"
SCORES = (
    Declared("info_modularity", "InfoM", "how few factors each code informs on, by nearest neighbours", SHARED,
             topic=INFORMATION, column=8, related=70, widest=WIDEST),
    Declared("info_explicitness", "InfoE", "share of a factor's entropy that a linear map of all codes finds",
             "up to 1, kept below it by the penalty; 0: chance", range=(-UNBOUNDED, 1),
             topic=INFORMATION, column=9, related=120, widest=WIDEST),
    Declared("info_compactness", "InfoC", "how few codes inform on each factor, by nearest neighbours", SHARED,
             topic=INFORMATION, column=10, widest=WIDEST),
)  # fmt: skip


NAMES = tuple(declared.name for declared in SCORES)


def infomec(
    representation: Representation,
    rng: np.random.Generator,
    *,
    neighbours: Count = 10,
    pruned_range: Share = 0.0,
    strength: Positive = 1.0,
    factor_bins: Several = 20,
) -> list[Score]:
    """Modularity, explicitness and compactness (Hsu et al., 2023) of the means.

    From M_jk = I(z_j; v_k) / H(v_k) on test, by `neighbours` nearest neighbours, without axes that have collapsed
    (metrics.scaling): info_modularity and info_compactness, see even_share; 1: each axis serves one factor, each factor
    one axis; 0: all alike. Noise does not score 0 (no usable zero: what it seems to know is uneven).
    info_explicitness = mean_k (H(v_k) - cross-entropy) / H(v_k) of logistic regressions fitted on standardised train
    and scored on test (the original scores in sample, where noise gains), R2 of a line for factors without classes;
    range to 1, chance 0; its penalty keeps it below 1. Continuous factors become `factor_bins` quantile bins in M.
    Invariant to permutation, sign, shift, scale of each axis, constant axes, and nearly so to an outlier; unless
    `pruned_range` also leaves out axes whose range is at most that share of the widest (0.05 in the released code),
    where one axis in other units, or one outlier, leaves out all others.
    """
    factors = generative_factors(representation, "infomec", factor_bins)
    if wide := too_wide(representation, SCORES):
        return wide
    varying, codes = [factor for factor in factors if factor.varies], representation.test.mean
    classes = class_matrix(varying, factor_bins)
    kept = scaling(codes, representation.test.stddev).active & wide_axes(codes, pruned_range)
    information = representation.matrix(
        "mutual_information_nearest", lambda: placed(_of_kept(codes, kept, classes, neighbours), factors)
    )
    matrix = information[:, varying_mask(factors)] / entropies(classes)
    note = f"{int(kept.sum())} of {len(kept)} axes kept, {len(varying)} factors, {neighbours} neighbours"
    values = (even_share(matrix[kept]), None, even_share(matrix[kept].T))
    scores = [
        Score(name, value, None, "score", "higher", representation.point, reason=note)
        for name, value in zip(NAMES, values, strict=True)
        if value is not None
    ]
    blank = Score("info_explicitness", None, None, "score", "higher", representation.point)
    train, test, scaled = standardised(representation)
    known = [_known_share(factor, train, test, strength) for factor in varying]
    note = joined("share of H(v) that a linear map finds, chance 0", crowded(varying, len(train)), scaled)
    return scores + factor_rows(blank, factors, np.array(known), note)


def _of_kept(codes: Array, kept: NDArray[np.bool_], classes: Labels, neighbours: int) -> Array:
    matrix = np.zeros((codes.shape[1], classes.shape[1]))
    matrix[kept] = mutual_information_nearest(codes[:, kept], classes, neighbours)
    return matrix


def wide_axes(codes: Array, share: float) -> NDArray[np.bool_]:
    """Which axes (D,) of codes (N, D) have a range above `share` of the widest one's."""
    width = np.ptp(codes, axis=0)
    return np.asarray(width > share * width.max(initial=0.0))


def even_share(matrix: Array) -> float:
    """(mean over rows of max / sum - 1/n) / (1 - 1/n) for rows of n entries: 1 if one entry has all, 0 if all are even.

    A row of zeros is even; rows of a single entry have it all: 1, unless there is no row at all: 0.
    """
    rows, entries = matrix.shape
    if not rows:
        return 0.0
    total = matrix.sum(axis=1)
    share = np.where(total > 0, matrix.max(axis=1, initial=0.0) / np.where(total > 0, total, 1.0), 1 / max(1, entries))
    return float((share.mean() - 1 / entries) / (1 - 1 / entries)) if entries > 1 else float((total > 0).mean())


def _known_share(factor: Factor, train: Array, test: Array, strength: float) -> float:
    if not factor.has_classes:
        targets, true = factor.targets()
        predicted = fit_ridge(train, targets, strength).predict(test)
        return float(quality.r2(predicted.reshape(true.shape), true).mean())
    labels, classes, number = factor.classes()
    log_p = log_probabilities(fit_logistic(train, labels, strength), test, number, len(train))
    return float(quality.information(log_p, classes).mean()) / entropy(classes)
