"""What a simple predictor finds in codes (N, D): accuracy, nats and R2 per factor and number of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from metrics import quality
from metrics.core import Array, Better, Representation, Score, Which
from metrics.factors import Factor, Labels, constant_score, probe_factors
from metrics.linear import choose_strength, fit_logistic, fit_ridge, log_probabilities, standardise
from metrics.options import Count, Counts, Positives, Several

UNITS: Mapping[str, tuple[str, Better]] = {
    "accuracy": ("accuracy", "higher"),
    "balanced_accuracy": ("accuracy", "higher"),
    "nats": ("nats", "higher"),
    "r2": ("R2", "higher"),
}


def linear_probe(
    representation: Representation,
    rng: np.random.Generator,
    *,
    num_labels: Counts = (100, 1000, 10000),
    strengths: Positives = (0.003, 0.03, 0.3, 3.0, 30.0),
    folds: Several = 3,
    selection_size: Count = 2000,
) -> list[Score]:
    """How much of each factor a linear map reads off the codes, for the mean and for one sample of q(z|x).

    Classes (discrete, label, circular index): logistic regression; range of accuracy 0..1, chance the majority class
    (in `reason`), of balanced accuracy 0..1, chance 1/K, of nats up to H(Y), chance 0 (see metrics.quality). Numbers
    (continuous; sine and cosine of circular): ridge regression, R2 up to 1, chance 0. Labels are drawn once per
    factor, stratified and nested, the same for mean and sample; the penalty is chosen once per representation by folds
    over at most `selection_size` training points, then kept for every factor and budget. For one sample per image
    H(Y) - CE <= I(Y; Z) <= I(X; Z) <= rate; the mean obeys no such bound (Alain and Bengio, 2016; Barber and Agakov,
    2003; Locatello et al., 2019, section 5.5 for the budgets). Invariant to permutation, sign and common scale.
    """
    factors = probe_factors(representation, "linear_probe")
    varying = [factor for factor in factors if factor.varies]
    orders = {factor.name: label_order(factor, rng) for factor in varying}
    budgets = sorted({min(number, len(representation.train)) for number in num_labels})
    chosen = rng.permutation(len(representation.train))[: min(budgets[-1], selection_size)]
    subset = [replace(factor, train=factor.train[chosen]) for factor in varying]
    seed = int(rng.integers(2**32))
    scores = [constant_score("linear_probe_accuracy", factor) for factor in factors if not factor.varies]
    for which in representation.whiches():
        train, test = representation.train.of(which), representation.test.of(which)
        strength = choose_strength(train[chosen], subset, strengths, folds, np.random.default_rng(seed))
        for budget in budgets:
            rows = {name: order[:budget] for name, order in orders.items()}
            found = {factor.name: probe(factor, rows[factor.name], train, test, strength) for factor in varying}
            scores += probe_scores("linear_probe", varying, found, which, budget, f"C = {strength:g}")
    return scores


def probe(factor: Factor, rows: Labels, train: Array, test: Array, strength: float) -> dict[str, Array]:
    """Per-example quality (N,) under each name that fits the factor, of a linear map fitted on those rows of train."""
    fitted, scored = standardise(train[rows], test)
    found = _classify(factor, rows, fitted, scored, strength) if factor.has_classes else {}
    if factor.type in ("continuous", "circular"):
        targets, true = factor.targets()
        predicted = fit_ridge(fitted, targets[rows], strength).predict(scored)
        found["r2"] = quality.r2(predicted.reshape(true.shape), true)
    return found


def label_order(factor: Factor, rng: np.random.Generator) -> Labels:
    """An order of the training rows whose every beginning is a stratified draw: each class once, then by its share."""
    order = rng.permutation(len(factor.train))
    if not factor.has_classes:
        return order
    classes = factor.classes()[0][order]
    grouped = np.argsort(classes, kind="stable")
    count = np.bincount(classes)
    rank = np.empty(len(order), dtype=np.int64)
    rank[grouped] = np.arange(len(order)) - np.repeat(np.cumsum(count) - count, count)
    jitter = rng.random(len(order))
    key = np.where(rank == 0, jitter - 1, (rank + jitter) / count[classes])
    return order[np.argsort(key, kind="stable")]


def probe_scores(
    selector: str,
    factors: list[Factor],
    found: Mapping[str, Mapping[str, Array]],
    which: Which,
    budget: int,
    note: str = "",
) -> list[Score]:
    """A Score per factor and quality, and one for the mean over the factors that have that quality."""
    scores = []
    for name, (unit, better) in UNITS.items():
        values = {factor: found[factor.name][name] for factor in factors if name in found[factor.name]}
        blank = Score(f"{selector}_{name}", None, None, unit, better, which, num_labels=budget)
        for factor, value in values.items():
            mean, error = quality.mean_and_error(value)
            scores.append(replace(blank, value=mean, stderr=error, factor=factor.name, reason=_limit(factor, name)))
        if values:
            mean, error = quality.mean_and_error(np.mean(list(values.values()), axis=0))
            scores.append(replace(blank, value=mean, stderr=error, reason=_averaged(len(values), note)))
    return scores


def _classify(factor: Factor, rows: Labels, fitted: Array, scored: Array, strength: float) -> dict[str, Array]:
    train, true, number = factor.classes()
    model = fit_logistic(fitted, train[rows], strength)
    log_p = log_probabilities(model, scored, number, len(rows))
    predicted = log_p.argmax(axis=1)
    return {
        "accuracy": quality.accuracy(predicted, true),
        "balanced_accuracy": quality.balanced_accuracy(predicted, true),
        "nats": quality.information(log_p, true),
    }


def _limit(factor: Factor, name: str) -> str:
    """What a reader must know beside the number: the share of the majority class, the entropy, or the targets."""
    if name == "r2":
        return f"sine and cosine of period {factor.period:g}" if factor.type == "circular" else ""
    train, test, number = factor.classes()
    frequency = np.bincount(test, minlength=number) / len(test)
    if name == "accuracy":
        return f"majority class {frequency[np.bincount(train).argmax()]:.3f}"
    return f"chance {1 / np.count_nonzero(frequency):.3f}" if name == "balanced_accuracy" else _entropy(frequency)


def _entropy(frequency: Array) -> str:
    seen = frequency[frequency > 0]
    return f"at most H(Y) = {-(seen * np.log(seen)).sum():.3f} nats"


def _averaged(number: int, note: str) -> str:
    over = "mean over 1 factor" if number == 1 else f"mean over {number} factors"
    return f"{over}, {note}" if note else over
