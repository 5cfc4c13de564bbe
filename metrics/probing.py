"""What every probe shares: draws of labels, qualities of predictions (draws, N), and the rows it reports of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from metrics import quality
from metrics.core import Array, Better, Representation, Score, joined
from metrics.declared import NO_ZERO, REPRESENTATION, UNBOUNDED, UNIT, Declared
from metrics.factors import Factor, Labels, constant_score, probe_factors

UNITS: Mapping[str, tuple[str, Better]] = {
    "accuracy": ("accuracy", "higher"),
    "balanced_accuracy": ("accuracy", "higher"),
    "nats": ("nats", "higher"),
    "r2": ("R2", "higher"),
}
RANGES: Mapping[str, tuple[float, float]] = {
    "nats": (-UNBOUNDED, UNBOUNDED),
    "r2": (-UNBOUNDED, 1.0),
    "efficiency": (0.0, UNBOUNDED),
}
MEANINGS: Mapping[str, str] = {
    "accuracy": "test accuracy of {how}, mean over factors",
    "balanced_accuracy": "as accuracy of {how}, every class counting alike",
    "nats": "entropy of the labels less the cross-entropy of {how}, a lower bound on what the codes know",
    "r2": "explained variance of numbers by {how}, mean over factors",
    "efficiency": "{title} accuracy with 100 labels as a share of that with the most",
}
Fit = Callable[[Factor, Labels, Array, Array], dict[str, Array]]  # factor, rows, train, test -> qualities (N,) by name
Found = Mapping[str, Mapping[str, Array]]  # factor -> quality -> (draws, N)
FEW = 100  # labels, whose accuracy statistical efficiency compares with that of the largest budget


READINGS: Mapping[str, str] = {
    "accuracy": f"0..1; 1: always right; {NO_ZERO}: chance is the majority class's share",
    "balanced_accuracy": f"0..1; 1: always right; {NO_ZERO}: chance is 1/K of K classes",
    "nats": "up to H(Y); 0: chance, no more than the labels' frequencies; below 0: overconfident",
    "r2": "up to 1; 0: chance, as good as the mean; below 0: worse",
    "efficiency": f"from 0; 1: few labels do as well as many; {NO_ZERO}: noise scores about 1",
}


def declared_probe(selector: str, title: str, how: str, **shown: Mapping[str, Any]) -> tuple[Declared, ...]:
    """What each quality of a probe means; `how` reads the codes, `shown` has what is particular to a quality."""
    found = []
    for name, reading in READINGS.items():
        unit, better = UNITS.get(name, ("ratio", None))
        plain = Declared(
            f"{selector}_{name}", f"{title} {'R2' if name == 'r2' else name.replace('_', ' ')}",
            MEANINGS[name].format(title=title, how=how), reading, unit, better, RANGES.get(name, UNIT), REPRESENTATION,
            related=150 * (name == "efficiency"),
        )  # fmt: skip
        found.append(replace(plain, **shown.get(name, {})))
    return tuple(found)


@dataclass(frozen=True)
class Draws:
    """Which training examples a probe may know the labels of: the same for every representation."""

    factors: list[Factor]  # those that vary
    constant: list[Factor]
    budgets: list[int]  # ascending
    orders: list[dict[str, Labels]]  # one per draw: by factor, an order whose every beginning is a stratified draw
    compared: bool = False  # whether FEW labels were asked for, and so their efficiency

    def rows(self, factor: Factor, budget: int) -> list[Labels]:
        """The labelled rows of each draw; the largest budget has a single one."""
        orders = self.orders[:1] if budget == self.budgets[-1] else self.orders
        return [order[factor.name][:budget] for order in orders]


def draw_labels(
    representation: Representation, selector: str, num_labels: Sequence[int], draws: int, rng: np.random.Generator
) -> Draws:
    """The draws of labels for all factors; the first comes from `rng` itself, further ones from its children."""
    factors = probe_factors(representation, selector)
    varying = [factor for factor in factors if factor.varies]
    budgets = sorted({min(number, len(representation.train)) for number in num_labels})
    streams = [rng, *(rng.spawn(draws - 1) if draws > 1 else ())]
    orders = [{factor.name: label_order(factor, stream) for factor in varying} for stream in streams]
    constant = [factor for factor in factors if not factor.varies]
    return Draws(varying, constant, budgets, orders, FEW in num_labels)


def probe_rows(selector: str, draws: Draws, train: Array, test: Array, view: str, fit: Fit, *notes: str) -> list[Score]:
    """The scores of one representation: each budget's predictors fitted on every draw, their qualities averaged."""
    note = joined(*notes)
    found = {
        budget: {
            factor.name: _stacked([fit(factor, rows, train, test) for rows in draws.rows(factor, budget)])
            for factor in draws.factors
        }
        for budget in draws.budgets
    }
    parts = [probe_scores(selector, draws.factors, found[budget], view, budget, note) for budget in draws.budgets]
    return [score for part in parts for score in part] + efficiency_rows(selector, draws, found, view)


def efficiency_rows(selector: str, draws: Draws, found: Mapping[int, Found], view: str) -> list[Score]:
    """Statistical efficiency: accuracy with FEW labels / accuracy with the largest budget, per factor with classes.

    The row over all factors is the ratio of their mean accuracies (Locatello et al., 2019). Range from 0, hardly above
    1; 1: few labels do as well as many. Has no usable zero and no direction: noise, which no number of labels helps,
    scores about 1, so read it beside the accuracy. No row unless FEW is among the budgets that were asked for.
    """
    factors, largest = [factor for factor in draws.factors if factor.has_classes], draws.budgets[-1]
    blank = Score(f"{selector}_efficiency", None, None, "ratio", None, view)
    if not draws.compared or not factors:
        return []
    if largest <= FEW:
        return [replace(blank, reason=f"compares {FEW} labels with more, but there are {largest}")]
    accuracies = [
        {factor.name: found[budget][factor.name]["accuracy"].mean(axis=0) for factor in factors}
        for budget in (FEW, largest)
    ]
    averages = [np.mean(list(accuracy.values()), axis=0) for accuracy in accuracies]
    note = f"accuracy with {FEW} / with {largest} labels"
    rows = [
        _ratio(replace(blank, factor=factor.name, reason=note), *(part[factor.name] for part in accuracies))
        for factor in factors
    ]
    return [*rows, _ratio(replace(blank, reason=f"{_averaged(len(factors))} of either, {note}"), *averages)]


def _ratio(blank: Score, few: Array, many: Array) -> Score:
    if not many.any():
        return replace(blank, reason=f"{blank.reason}: no prediction is right with the most labels")
    value, error = quality.mean_and_error(quality.ratio(few, many))
    return replace(blank, value=value, stderr=error)


def constant_rows(selector: str, draws: Draws) -> list[Score]:
    """A row with its reason for every factor that does not vary."""
    return [constant_score(f"{selector}_accuracy", factor) for factor in draws.constant]


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


def class_qualities(log_p: Array, true: Labels) -> dict[str, Array]:
    """Qualities (N,) of log-probabilities (N, K)."""
    predicted = log_p.argmax(axis=1)
    return {
        "accuracy": quality.accuracy(predicted, true),
        "balanced_accuracy": quality.balanced_accuracy(predicted, true),
        "nats": quality.information(log_p, true),
    }


def has_numbers(factor: Factor) -> bool:
    """Whether a factor is also regressed: continuous ones, and sine and cosine of circular ones."""
    return factor.type in ("continuous", "circular")


def probe_scores(
    selector: str, factors: list[Factor], found: Found, view: str, budget: int, note: str = ""
) -> list[Score]:
    """A Score per factor and quality, and one for the mean over the factors that have that quality."""
    scores = []
    for name, (unit, better) in UNITS.items():
        values = {factor: found[factor.name][name] for factor in factors if name in found[factor.name]}
        blank = Score(f"{selector}_{name}", None, None, unit, better, view, num_labels=budget)
        drawn = {factor: _drawn(factor, budget) if name != "r2" else "" for factor in values}
        for factor, value in values.items():
            row = replace(blank, factor=factor.name, reason=joined(_limit(factor, name), drawn[factor]))
            scores.append(_measured(row, value))
        if values:
            partial = [factor.name for factor in values if drawn[factor]]
            lacking = f"not every class by its share: {', '.join(partial)}" if partial else ""
            row = replace(blank, reason=joined(_averaged(len(values)), note, lacking))
            scores.append(_measured(row, np.mean(list(values.values()), axis=0)))
    return scores


def _measured(blank: Score, values: Array) -> Score:
    """The mean of qualities (draws, N): its error is over examples, the spread over draws of labels is in words."""
    mean, error = quality.mean_and_error(values.mean(axis=0))
    spread = values.mean(axis=1).std(ddof=1) if len(values) > 1 else 0.0
    several = f"{len(values)} draws of labels, s.d. {spread:.3f}" if len(values) > 1 else ""
    return replace(blank, value=mean, stderr=error, reason=joined(blank.reason, several))


def _stacked(found: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return {name: np.stack([one[name] for one in found]) for name in found[0]}


def _drawn(factor: Factor, budget: int) -> str:
    """In what a draw of that many labels differs from a stratified one, see label_order."""
    train, _, number = factor.classes()
    count = np.bincount(train, minlength=number)
    if budget < number:
        return f"{budget} labels for {number} classes: not every class can appear"
    if missing := int((count == 0).sum()):
        return f"{missing} of {number} classes have no training example"
    rare = int((count * budget < len(train)).sum())
    return f"{rare} of {number} classes too rare for their share of {budget} labels: once each" if rare else ""


def _limit(factor: Factor, name: str) -> str:
    """What a reader must know beside the number: the share of the majority class, the entropy, or the targets."""
    if name == "r2":
        return _circle(factor) if factor.type == "circular" else factor.taken
    train, test, number = factor.classes()
    frequency = np.bincount(test, minlength=number) / len(test)
    if name == "accuracy":
        return f"majority class {frequency[np.bincount(train).argmax()]:.3f}"
    return f"chance {1 / np.count_nonzero(frequency):.3f}" if name == "balanced_accuracy" else _entropy(frequency)


def _circle(factor: Factor) -> str:
    if factor.symmetry is None:
        return f"sine and cosine of period {factor.period:g}"
    folds = ", ".join(f"{fold:g}" for fold in np.unique(np.concatenate(factor.symmetry)))
    return f"sine and cosine of n times the angle, n = {folds} by symmetry, period {factor.period:g}"


def _entropy(frequency: Array) -> str:
    seen = frequency[frequency > 0]
    return f"at most H(Y) = {-(seen * np.log(seen)).sum():.3f} nats"


def _averaged(number: int) -> str:
    return "mean over 1 factor" if number == 1 else f"mean over {number} factors"
