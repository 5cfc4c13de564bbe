"""Separated attribute predictability: gaps between single code axes (N, D) as predictors of each factor."""

from __future__ import annotations

import numpy as np

from metrics.core import WIDEST, Array, Representation, Score, joined, too_wide
from metrics.declared import PREDICTION, Declared, Matrix
from metrics.factors import (
    Factor,
    Labels,
    crowded,
    factor_rows,
    generative_factors,
    placed,
    require_finite,
    varying_mask,
)
from metrics.mig import gaps
from metrics.options import Positive, Several
from metrics.quiet import quietly
from metrics.scaling import varies

SCORES = (
    Declared("sap_r2", "SAP, R2", "gap between the two codes that predict each factor best by a line",
             "0..1; 1: one axis alone is the factor up to a line; 0: chance, or two axes alike",
             topic=PREDICTION, column=6, drawn=True, related=40, changed_by=("outlier",)),
    Declared("sap_svc", "SAP, SVM", "gap between the two codes that tell each factor's values best by a linear SVM",
             "0..1, but the true factors stay far below 1: compare with their row; 0: chance, or two axes alike",
             topic=PREDICTION, column=7, changed_by=("small", "large", "one_axis", "constant"),  # a fixed penalty
             widest=WIDEST),
)  # fmt: skip
MATRICES = (
    Matrix("explained_share", "predictability\nline in one code (SAP)", "R2", 7),
    Matrix("svc_accuracy", "predictability\nlinear SVM on one code (SAP)", "accuracy", 8),
)


def sap(
    representation: Representation,
    rng: np.random.Generator,
    *,
    strength: Positive = 0.01,
    num_train: Several = 10000,
    factor_bins: Several = 20,
) -> list[Score]:
    """The gap between the two axes of the means that predict a factor best, each alone, averaged over factors.

    mean_k (S_1st,k - S_2nd,k) (Kumar et al., 2018); a single axis competes with 0. sap_r2: S is the R2 of a linear
    regression on test, see explained_share; nominal factors count as the numbers they are stored as. sap_svc: S is the
    test accuracy of a linear support vector machine with C = `strength` and balanced classes, see svc_accuracy;
    continuous factors become `factor_bins` quantile bins. Range 0..1; near 0: chance, duplicated axes. The true factors
    score 1 in sap_r2 but for circular ones, and far below 1 in sap_svc, where one axis cannot cut out inner values: use
    the reference rows. Both are invariant to permutation, sign and shift; sap_r2 also to the scale of each axis, which
    the fixed penalty of sap_svc is not. One outlier takes the variance of its axis, and so sap_r2's share of it.
    """
    factors = generative_factors(representation, "sap", factor_bins)
    varying = [factor for factor in factors if factor.varies]
    test = representation.test.mean
    varies = varying_mask(factors)
    explained = representation.matrix(
        "explained_share",
        lambda: placed(np.column_stack([explained_share(test, factor.targets()[1]) for factor in varying]), factors),
    )[:, varies]
    ones, blank = np.ones(len(varying)), Score("sap_r2", None, None, "score", "higher", representation.point)
    scores = factor_rows(blank, factors, gaps(explained, ones), "R2 of single axes on test")
    if wide := too_wide(representation, SCORES):
        return scores + wide
    rows = np.sort(rng.permutation(len(representation.train))[:num_train])
    train = representation.train.mean[rows]
    centre = np.median(train, axis=0)  # the bias is penalised as well: a shift would count
    columns = (_svc(train - centre, test - centre, rows, factor, strength, factor_bins) for factor in varying)
    accurate = representation.matrix("svc_accuracy", lambda: placed(np.column_stack(list(columns)), factors))[:, varies]
    crowd = crowded(varying, len(rows), factor_bins)
    note = joined(f"accuracy of single axes on test, {len(rows)} training examples, C = {strength:g}", crowd)
    blank = Score("sap_svc", None, None, "score", "higher", representation.point)
    return scores + factor_rows(blank, factors, gaps(accurate, ones), note)


def explained_share(codes: Array, targets: Array) -> Array:
    """Share (D,) of the variance of targets (N, T), columns pooled, that a line in each single axis explains.

    sum_t Cov(z_j, y_t)^2 / (Var(z_j) sum_t Var(y_t)); 0 for a constant axis (Kumar et al., 2018, for T = 1).
    """
    require_finite(codes, targets)
    centred, centred_targets = codes - codes.mean(axis=0), targets - targets.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    alive = varies(codes)
    unit = np.where(alive, centred, 0.0) / np.where(alive, spread, 1.0)
    covariance = unit.T @ centred_targets / len(codes)
    return np.asarray((covariance**2).sum(axis=1) / (centred_targets**2).mean(axis=0).sum())


def svc_accuracy(train: Array, labels: Labels, test: Array, true: Labels, strength: float = 0.01) -> float:
    """Test accuracy of a one-vs-rest linear support vector machine on one axis (N,), classes balanced, penalty 1 / C.

    A single class in `labels` is the answer to everything.
    """
    from sklearn.svm import LinearSVC

    if labels.min() == labels.max():
        return float((true == labels[0]).mean())
    with quietly():
        model = LinearSVC(C=strength, class_weight="balanced", dual=False).fit(train[:, None], labels)
    return float((model.predict(test[:, None]) == true).mean())


def _svc(train: Array, test: Array, rows: Labels, factor: Factor, strength: float, bins: int) -> Array:
    labels, true, _ = factor.classes(bins)
    axes = zip(train.T, test.T, strict=True)
    return np.array([svc_accuracy(one, labels[rows], other, true, strength) for one, other in axes])
