"""Modularity and explicitness (Ridgeway and Mozer, 2018) of codes (N, D) and factors (N, F)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Representation, Score, joined
from metrics.declared import INFORMATION, NO_ZERO, PREDICTION, Declared
from metrics.factors import (
    Labels,
    constant_score,
    crowded,
    factor_rows,
    generative_factors,
    require_finite,
    varying_mask,
)
from metrics.linear import fit_logistic, log_probabilities
from metrics.mutual_information import histogram_matrix
from metrics.options import Positive, Several
from metrics.scaling import standardised

SCORES = (
    Declared("modularity", "modularity", "how few factors each code informs on",
             f"0..1; 1: each axis informs on a single factor; {NO_ZERO}: noise scores about 0.5 to 0.7",
             topic=INFORMATION, column=7, drawn=True, related=60, changed_by=("constant", "outlier")),
    Declared("explicitness", "explicitness", "area under ROC of a linear classifier of each factor's values",
             f"0..1; 1: perfect ranking; {NO_ZERO}: chance is 0.5", "AUC", topic=PREDICTION, column=8),
)  # fmt: skip


def modularity(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """Does each axis of the test means know of one factor only? See modular_share, on the 20-bin information matrix.

    Ridgeway and Mozer, 2018. Range 0..1; 1: each axis informs on a single factor; 0: on all alike. Has no usable zero:
    what noise seems to know of factors of unequal sizes is uneven (0.68 for the five of dSprites); a constant axis
    counts as 0. So the information that the axes hold stands in `reason`. Invariant to permutation, sign, scale of an
    axis, duplicates.
    """
    factors = generative_factors(representation, "modularity", bins)
    matrix = histogram_matrix(representation, factors, bins)[:, varying_mask(factors)]
    best = np.sort(matrix.max(axis=1))
    note = f"best information of an axis {best[0]:.3f}..{best[-1]:.3f}, median {np.median(best):.3f} nats"
    constant = [constant_score("modularity", factor) for factor in factors if not factor.varies]
    value, view = modular_share(matrix), representation.point
    return [*constant, Score("modularity", value, None, "score", "higher", view, reason=note)]


def modular_share(information: Array) -> float:
    """mean_j 1 - sum_{k != k*} I_jk^2 / (I_jk*^2 (F - 1)), k* the best factor of axis j, of a matrix I (D, F).

    Ridgeway and Mozer, 2018. Range 0..1. An axis without information counts as 0, every other as 1 if F = 1.
    """
    require_finite(information)
    best = information.max(axis=1, initial=0.0)
    share = information[best > 0] / best[best > 0, None]
    spilled = ((share**2).sum(axis=1) - 1) / max(1, information.shape[1] - 1)
    return float((1 - spilled).sum() / len(information))


def explicitness(
    representation: Representation,
    rng: np.random.Generator,
    *,
    strength: Positive = 1.0,
    factor_bins: Several = 20,
) -> list[Score]:
    """How well a linear classifier ranks the examples of each value of a factor, from all axes at once: area under ROC.

    mean_k mean_v AUC(p(v_k = v | z) against v_k = v) of one logistic regression for each factor (Ridgeway and Mozer,
    2018), with penalty |w|^2 / (2 strength), fitted on standardised (metrics.scaling) training means and scored on
    test. Range 0..1; 1: perfect ranking; chance and a constant code 0.5 (no usable zero). Continuous factors become
    `factor_bins` quantile bins. Invariant to permutation, sign, shift, scale of each axis, constant axes, and up to its
    example an outlier.
    """
    factors = generative_factors(representation, "explicitness", factor_bins)
    train, test, scaled = standardised(representation)
    values = []
    for factor in factors:
        if factor.varies:
            labels, true, number = factor.classes(factor_bins)
            model = fit_logistic(train, labels, strength)
            values.append(ranking_quality(log_probabilities(model, test, number, len(train)), true))
    blank = Score("explicitness", None, None, "AUC", "higher", representation.point)
    crowd = crowded([factor for factor in factors if factor.varies], len(train), factor_bins)
    note = joined("mean one-vs-rest area under ROC, chance 0.5", crowd, scaled)
    return factor_rows(blank, factors, np.array(values), note)


def ranking_quality(scores: Array, true: Labels) -> float:
    """Mean over the classes in `true` (N,) of the area under ROC of their column of scores (N, K) against the rest.

    (sum of the class' ranks - n (n + 1) / 2) / (n (N - n)), ties sharing their mean rank; 0.5 for a single class.
    """
    from scipy.stats import rankdata

    found = []
    for value, number in zip(*np.unique(true, return_counts=True), strict=True):
        if number < len(true):
            ranks = rankdata(scores[:, value])[true == value]
            found.append((ranks.sum() - number * (number + 1) / 2) / (number * (len(true) - number)))
    return float(np.mean(found)) if found else 0.5
