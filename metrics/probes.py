"""What a linear map finds in codes (N, D): accuracy, nats and R2 per factor and number of labels."""

from __future__ import annotations

from functools import partial

import numpy as np

from metrics import quality
from metrics.core import Array, Representation, Score
from metrics.factors import Factor, Labels
from metrics.linear import choose_strength, fit_logistic, fit_ridge, log_probabilities
from metrics.options import Count, Counts, Positives, Several
from metrics.probing import (
    class_qualities,
    constant_rows,
    declared_probe,
    draw_labels,
    has_numbers,
    label_order,
    probe_rows,
)
from metrics.scaling import standardised

__all__ = ["label_order", "linear_probe", "probe"]
SCORES = declared_probe(
    "linear_probe",
    "linear probe",
    "a linear classifier on the codes",
    accuracy={"column": 1, "drawn": True, "every_view": True, "related": 130, "sorts": 3},
    r2={"column": 2, "drawn": True, "every_view": True, "unless": "linear_probe_accuracy", "sorts": 4,
        "meaning": "explained variance of a linear regression from the codes, mean over factors"},
    efficiency={"column": 6, "title": "statistical efficiency"},
)  # fmt: skip


def linear_probe(
    representation: Representation,
    rng: np.random.Generator,
    *,
    num_labels: Counts = (10, 100, 1000, 10000),
    strengths: Positives = (0.003, 0.03, 0.3, 3.0, 30.0),
    folds: Several = 3,
    selection_size: Count = 2000,
    draws: Count = 5,
) -> list[Score]:
    """How much of each factor a linear map reads off the codes, for the mean and for one sample of q(z|x).

    Classes (discrete, label, circular index): logistic regression; range of accuracy 0..1, chance the majority class
    (in `reason`), of balanced accuracy 0..1, chance 1/K (no usable zero in either), of nats up to H(Y), chance 0, see
    metrics.quality. Numbers (continuous; sine and cosine of circular, see Factor.targets): ridge regression, R2 up to
    1, chance 0. linear_probe_efficiency: accuracy(100) / accuracy(largest budget), no usable zero, see efficiency_rows.

    Labels are drawn for each factor, the same for mean and sample, nested, and stratified but for classes too rare to
    have a share (once each) or more than there are labels (`reason` says so). The penalty is chosen once per
    representation by folds over at most `selection_size` training points, then kept for every factor and budget. Below
    the largest budget the value is the mean over `draws` of labels, whose standard deviation stands in `reason`;
    standard errors are over test examples. For one sample per image H(Y) - CE <= I(Y; Z) <= I(X; Z) <= rate; the mean
    obeys no such bound (Alain and Bengio, 2016; Barber and Agakov, 2003; Locatello et al., 2019, for the budgets).
    Codes are standardised, see metrics.scaling: invariant to permutation, sign, shift, the scale of each axis, constant
    axes, and up to its own example to an outlier.
    """
    labels = draw_labels(representation, "linear_probe", num_labels, draws, rng)
    chosen = rng.permutation(len(representation.train))[: min(labels.budgets[-1], selection_size)]
    subset = [factor.restricted(chosen) for factor in labels.factors]
    seed = int(rng.integers(2**32))
    scores = constant_rows("linear_probe", labels)
    for view in representation.views:
        train, test, scaled = standardised(representation, view)
        strength = choose_strength(train[chosen], subset, strengths, folds, np.random.default_rng(seed))
        fit = partial(probe, strength=strength)
        scores += probe_rows("linear_probe", labels, train, test, view, fit, f"C = {strength:g}", scaled)
    return scores


def probe(factor: Factor, rows: Labels, train: Array, test: Array, strength: float) -> dict[str, Array]:
    """Per-example quality (N,) under each name that fits the factor; train and test standardised, `rows` labelled."""
    found = _classify(factor, rows, train[rows], test, strength) if factor.has_classes else {}
    if has_numbers(factor):
        targets, true = factor.targets()
        predicted = fit_ridge(train[rows], targets[rows], strength).predict(test)
        found["r2"] = quality.r2(predicted.reshape(true.shape), true)
    return found


def _classify(factor: Factor, rows: Labels, fitted: Array, scored: Array, strength: float) -> dict[str, Array]:
    train, true, number = factor.classes()
    model = fit_logistic(fitted, train[rows], strength)
    return class_qualities(log_probabilities(model, scored, number, len(rows)), true)
