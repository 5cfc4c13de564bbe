"""Disentanglement, completeness and informativeness from importances (D, F) of code axes for factors; scores 0..1."""

from __future__ import annotations

from typing import get_args

import numpy as np

from metrics import quality
from metrics.core import Array, Representation, Score, joined
from metrics.declared import NO_ZERO, PREDICTION, UNBOUNDED, UNIT, Declared, Matrix
from metrics.factors import Factor, constant_score, crowded, generative_factors, placed, require_finite, varying_mask
from metrics.importance import Estimator, Trees, importance
from metrics.options import Count, Leaves, Positive, Several
from metrics.scaling import standardised

PARTS = ("disentanglement", "completeness", "informativeness")


SHARE = "0..1; 1: one factor per axis (one axis per factor); "
MEANINGS = (
    "how few factors each code matters for", "how few codes matter for each factor",
    "how well all codes together predict the factors",
)  # fmt: skip
READINGS = (f"{SHARE}0: chance",) * 2 + (
    f"up to 1; 1: always right; {NO_ZERO}: chance is the majority class's share (0 for R2)",
)
OF_LASSO = (f"{SHARE}{NO_ZERO}: of noise few coefficients are left, about 0.4 to 0.7",) * 2 + (
    "up to 1; 0: chance, as good as the mean; below 0: worse",
)


def _declared(estimator: str, part: int) -> Declared:
    """What one of PARTS means by an estimator, which the title names unless it is the default."""
    title = f"DCI {PARTS[part]}" + f"-{estimator}" * (estimator != "lightgbm")
    reading = (OF_LASSO if estimator == "lasso" else READINGS)[part]
    return Declared(
        f"dci_{estimator}_{PARTS[part]}", title, MEANINGS[part], reading, range=(UNIT, UNIT, (-UNBOUNDED, 1.0))[part],
        topic=PREDICTION, column=1 + part, drawn=part == 0, related=(50, 0, 110)[part], sorts=(6, 0, 0)[part],
    )  # fmt: skip


SCORES = tuple(_declared(estimator, part) for part in range(len(PARTS)) for estimator in get_args(Estimator))
MATRICES = (Matrix("importance_<word>", "importance for prediction\n<word>", "share of a factor's importance", 6),)


def dci(
    representation: Representation,
    rng: np.random.Generator,
    *,
    estimator: Estimator = "lightgbm",
    num_train: Several = 5000,
    rounds: Count = 50,
    leaves: Leaves = 8,
    learning_rate: Positive = 0.2,
) -> list[Score]:
    """Disentanglement, completeness and informativeness (Eastwood and Williams, 2018) of the means.

    Predictors of each generative factor are fitted on `num_train` training examples, their importances sum to 1 for
    each factor, and informativeness is their accuracy on test (R2 for continuous factors, and for all with lasso),
    averaged over factors: range to 1, chance the majority class (no usable zero; 0 for R2). Disentanglement and
    completeness: see there; a noise code scores low in both, since its importances are nearly even. Codes are
    standardised, see metrics.scaling: invariant to shift and the scale of each axis, and nearly so to an outlier, to
    sign and to permutation, which change how trees break ties and place thresholds. `rounds`, `leaves` and
    `learning_rate` are LightGBM's; with 50, 8, 0.2 its scores are within 0.07 of those of scikit-learn's boosting
    (Locatello et al., 2019) on ten of eleven codes (metrics/README.md), at 3 % of the time; of axes that are exactly
    equal LightGBM uses the first, so its completeness does not see the repetition. A forest or a lasso gives other
    numbers altogether: the estimator is part of the name.
    """
    factors = generative_factors(representation, "dci")
    varying = [factor for factor in factors if factor.varies]
    rows, seed = np.sort(rng.permutation(len(representation.train))[:num_train]), int(rng.integers(2**31))
    (train, test, scaled), trees = standardised(representation), Trees(rounds, leaves, learning_rate)
    found = [importance(estimator, factor, rows, train, test, trees, seed) for factor in varying]
    matrix = representation.matrix(
        f"importance_{estimator}", lambda: placed(np.column_stack([column for column, _ in found]), factors)
    )[:, varying_mask(factors)]
    names, view = [f"dci_{estimator}_{part}" for part in PARTS], representation.point
    crowd = crowded(varying, len(rows))
    note = joined(f"{len(rows)} training examples, mean over {len(varying)} factors", crowd, scaled)
    scores = [constant_score(name, factor) for factor in factors if not factor.varies for name in names[1:]]
    scores.append(_score(names[0], disentanglement(matrix), view, reason=note))
    scores += _completeness(names[1], varying, matrix, view, note)
    return scores + _informativeness(names[2], varying, [values for _, values in found], estimator, view, note)


def disentanglement(importance: Array) -> float:
    """Does each code axis serve one factor only? D = sum_i rho_i (1 - H_F(R_i. / sum_j R_ij)), of importances (D, F).

    rho_i is the axis' share of all importance, H_F the entropy with logarithm to base F (Eastwood and Williams, 2018).
    Range 0..1; 1: every axis serves a single factor; 0: every axis serves all alike, or no importance at
    all. With one factor every important axis serves only it: 1. Invariant to permutation and to one common scale.
    """
    require_finite(importance)
    return _concentration(np.abs(importance))


def completeness(importance: Array) -> float:
    """Is each factor served by one code axis only? C = sum_j w_j (1 - H_D(R_.j / sum_i R_ij)), of importances (D, F).

    w_j is the factor's share of all importance (a plain mean over factors would count those without any as 0), H_D the
    entropy with logarithm to base D (Eastwood and Williams, 2018). Range 0..1; 1: a single axis for every
    factor; 0: all axes alike, or no importance at all. With one axis: 1. Invariances as disentanglement.
    """
    require_finite(importance)
    return _concentration(np.abs(importance).T)


def _concentration(importance: Array) -> float:
    """Mean over rows, weighted by their mass, of 1 - entropy of the row in units of its greatest value."""
    from scipy.special import xlogy

    mass, columns = importance.sum(axis=1), importance.shape[1]
    if not mass.sum() > 0:
        return 0.0
    share = importance[mass > 0] / mass[mass > 0, None]
    entropy = -xlogy(share, share).sum(axis=1) / max(np.log(columns), np.finfo(float).tiny)
    return float((mass[mass > 0] / mass.sum()) @ (1 - entropy))


def _completeness(name: str, factors: list[Factor], matrix: Array, view: str, note: str) -> list[Score]:
    values = [completeness(column[:, None]) for column in matrix.T]
    rows = [_score(name, value, view, factor.name) for factor, value in zip(factors, values, strict=True)]
    return [_score(name, completeness(matrix), view, reason=note), *rows]


def _informativeness(
    name: str, factors: list[Factor], values: list[Array], estimator: Estimator, view: str, note: str
) -> list[Score]:
    rows = [_quality(name, value, view, factor.name) for factor, value in zip(factors, values, strict=True)]
    kinds = {"accuracy" if factor.has_classes and estimator != "lasso" else "R2" for factor in factors}
    return [*rows, _quality(name, np.mean(values, axis=0), view, reason=f"{' and '.join(sorted(kinds))}, {note}")]


def _quality(name: str, values: Array, view: str, factor: str | None = None, reason: str = "") -> Score:
    value, error = quality.mean_and_error(values)
    return Score(name, value, error, "score", "higher", view, factor=factor, reason=reason)


def _score(name: str, value: float, view: str, factor: str | None = None, reason: str = "") -> Score:
    return Score(name, value, None, "score", "higher", view, factor=factor, reason=reason)
