"""Interventional robustness: how far a code axis strays while one factor stays; codes (N, D), factors (N, F)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Representation, Score
from metrics.declared import INTERVENTION, NO_ZERO, Declared
from metrics.factors import Labels, constant_score, generative_factors, require_finite
from metrics.mutual_information import class_matrix
from metrics.options import Quantile, Several

SCORES = (
    Declared("irs", "IRS", "how little a code moves while its factor stands still",
             f"0..1; 1: an axis stands still while its factor does; {NO_ZERO}: noise scores above 0, about 0.2",
             topic=INTERVENTION, column=4, related=80, changed_by=("one_axis", "outlier", "noise_far")),
)  # fmt: skip


def irs(
    representation: Representation,
    rng: np.random.Generator,
    *,
    quantile: Quantile = 1.0,
    factor_bins: Several = 20,
) -> list[Score]:
    """Interventional robustness score of the test means: each axis' best factor, weighted by how far the axis moves.

    sum_j w_j max_k R_jk with R of irs_matrix and w_j the axis' greatest deviation, as a share of all (Suter et al.,
    2019). Range 0..1; 1: with one factor fixed an axis stands still. Has no usable zero: in noise the values of a
    factor with few examples each stray less than all do, so read it beside the noise reference. Invariant to
    permutation, sign, shift, common scale and constant axes; one outlier decides the range of its axis and its weight.
    """
    factors = generative_factors(representation, "irs", factor_bins)
    varying = [factor for factor in factors if factor.varies]
    scores = [constant_score("irs", factor) for factor in factors if not factor.varies]
    classes = class_matrix(varying, factor_bins)
    robust, weight = irs_matrix(representation.test.mean, classes, quantile)
    value = float(weight @ robust.max(axis=1) / max(weight.sum(), np.finfo(float).tiny))
    note = f"quantile {quantile:g} of the deviations within a value, {len(varying)} factors; noise does not score 0"
    return [*scores, Score("irs", value, None, "score", "higher", representation.point, reason=note)]


def irs_matrix(codes: Array, factors: Labels, quantile: float = 1.0) -> tuple[Array, Array]:
    """R (D, F) and greatest deviations (D,): R_jk = 1 - mean_v d(z_j given v_k = v) / max |z_j - its mean|.

    d is the `quantile` (1: the maximum) of |z_j - its mean|, the mean that of the same examples; the normaliser is the
    maximum over all at any quantile (Suter et al., 2019, and their code). Range 0..1, negative values set to 0; a
    constant axis has 0. Factors (N, F) are classes.
    """
    require_finite(codes)
    greatest = _deviation(codes, 1.0)
    safe = np.where(greatest > 0, greatest, 1.0)
    columns = [
        np.mean([_deviation(codes[column == value], quantile) for value in np.unique(column)], axis=0)
        for column in factors.T
    ]
    return np.where(greatest[:, None] > 0, np.maximum(0.0, 1 - np.column_stack(columns) / safe[:, None]), 0.0), greatest


def _deviation(codes: Array, quantile: float) -> Array:
    deviation = np.abs(codes - codes.mean(axis=0))
    return deviation.max(axis=0) if quantile == 1 else np.quantile(deviation, quantile, axis=0)
