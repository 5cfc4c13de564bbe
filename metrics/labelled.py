"""What every probe shares: the draws of labels, the qualities of its predictions (N,), and the rows it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics import quality
from metrics.core import Array, Better, Representation, Score, Which
from metrics.factors import Factor, Labels, constant_score, probe_factors

UNITS: Mapping[str, tuple[str, Better]] = {
    "accuracy": ("accuracy", "higher"),
    "balanced_accuracy": ("accuracy", "higher"),
    "nats": ("nats", "higher"),
    "r2": ("R2", "higher"),
}
Fit = Callable[[Factor, Labels, Array, Array], dict[str, Array]]  # factor, rows, train, test -> qualities (N,) by name


@dataclass(frozen=True)
class Draws:
    """Which training examples a probe may know the labels of: the same for every representation."""

    factors: list[Factor]  # those that vary
    constant: list[Factor]
    budgets: list[int]  # ascending
    orders: list[dict[str, Labels]]  # one per draw: by factor, an order whose every beginning is a stratified draw

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
    return Draws(varying, [factor for factor in factors if not factor.varies], budgets, orders)


def probe_rows(
    selector: str, draws: Draws, train: Array, test: Array, which: Which, fit: Fit, note: str
) -> list[Score]:
    """The scores of one representation: each budget's predictors fitted on every draw, their qualities averaged."""
    scores = []
    for budget in draws.budgets:
        found = {
            factor.name: _mean([fit(factor, rows, train, test) for rows in draws.rows(factor, budget)])
            for factor in draws.factors
        }
        several = f"{len(draws.orders)} draws of labels" if budget < draws.budgets[-1] and len(draws.orders) > 1 else ""
        notes = ", ".join(part for part in (note, several) if part)
        scores += probe_scores(selector, draws.factors, found, which, budget, notes)
    return scores


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


def _mean(found: Sequence[dict[str, Array]]) -> dict[str, Array]:
    return found[0] if len(found) == 1 else {name: np.mean([one[name] for one in found], axis=0) for name in found[0]}


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
