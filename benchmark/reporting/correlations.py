"""Do two scores order the runs of a sweep alike? Spearman's rank correlation of every pair, with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.reporting.variance import RESAMPLES, SEED, TAILS, Floats

FEWEST = 8  # configurations (or runs, of one configuration): an interval from fewer would not hold what it says


@dataclass(frozen=True)
class Correlations:
    """One comparison group: matrices (S, S) of S scores, and what could not be correlated."""

    group: str
    scores: tuple[str, ...]
    better: tuple[str, ...]
    values: Floats
    low: Floats
    high: Floats
    runs: int
    configurations: int
    constant: tuple[str, ...]
    null: tuple[str, ...]  # scores that some run does not have

    @property
    def note(self) -> str:
        """What the numbers come from and what they lack, in one line."""
        parts = [f"{self.runs} runs of {self.configurations} configurations"]
        for names, why in ((self.constant, "one value in all runs"), (self.null, "no value in some runs")):
            parts += [f"left out: {', '.join(names)} ({why})"] if names else []
        return "; ".join(parts)


def correlate(compared: pd.DataFrame) -> list[Correlations]:
    """The groups of `trained_scores` that have enough configurations, with all their scores.

    Intervals are percentiles of a bootstrap that draws whole configurations, with all their seeds, for seeds of one
    configuration are alike; runs, where there is one configuration only. They speak of other configurations like these.
    In simulations they cover 0.90 to 0.97 from 8 configurations of two seeds on.
    """
    found = (_correlations(str(group), of) for group, of in compared.groupby("group"))
    return [of for of in found if of is not None]


def correlations_table(found: list[Correlations]) -> pd.DataFrame:
    """A row per pair of scores of each group."""
    columns = ("group", "left", "right", "correlation", "low", "high", "runs", "configurations")
    return pd.DataFrame([row for of in found for row in _pairs(of)], columns=pd.Index(columns))


def _pairs(of: Correlations) -> Iterator[tuple[str | float, ...]]:
    for i, left in enumerate(of.scores):
        for j, right in enumerate(of.scores[:i]):
            numbers = (float(matrix[i, j]) for matrix in (of.values, of.low, of.high))
            yield (of.group, right, left, *numbers, of.runs, of.configurations)


def _correlations(group: str, rows: pd.DataFrame) -> Correlations | None:
    configuration = (rows["method"] + "\n" + rows["varied"]).groupby(rows["run"]).first()
    clusters = configuration.nunique()
    if (clusters if clusters > 1 else len(configuration)) < FEWEST:
        return None
    # a score without codes to be of may have a null row beside the one that counts
    wide = rows.groupby(["run", "score"], sort=False)["value"].first().unstack("score").loc[configuration.index]
    null = wide.columns[wide.isna().any()]
    constant = wide.columns[(wide.nunique() < 2) & ~wide.isna().any()]
    wide = wide.drop(columns=[*null, *constant])
    if wide.shape[1] < 2:
        return None
    which = configuration.to_numpy() if clusters > 1 else configuration.index.to_numpy()
    low, high = bootstrapped(wide, which)
    better = rows.groupby("score")["better"].max()
    return Correlations(
        group, tuple(wide.columns), tuple(better[wide.columns]), spearman(wide), low, high,
        len(wide), clusters, tuple(constant), tuple(null),
    )  # fmt: skip


def spearman(values: pd.DataFrame) -> Floats:
    """Rank correlations (S, S) of N runs x S scores, ties at their mean rank; NaN for a score of one value only."""
    return _spearman(_ordered(values), np.ones(len(values)))


def _ordered(values: pd.DataFrame) -> list[np.ndarray]:
    """For each score the place (N,) of every run's value among the different values."""
    return [np.unique(values[name].to_numpy(), return_inverse=True)[1] for name in values.columns]


def _spearman(places: list[np.ndarray], weights: np.ndarray) -> Floats:
    """The same of N runs, each as often as its weight (N,) says, without sorting again."""
    ranks = np.column_stack([_ranks(place, weights) for place in places])
    ranks = ranks - weights @ ranks / weights.sum()
    products = ranks.T @ (weights[:, None] * ranks)
    squares = np.where(products.diagonal() > 0, products.diagonal(), np.nan)
    return np.asarray(np.clip(products / np.sqrt(np.outer(squares, squares)), -1.0, 1.0))


def _ranks(place: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean ranks (N,) of values that are there so often."""
    many = np.bincount(place, weights)
    return (np.cumsum(many) - 0.5 * (many - 1))[place]


def bootstrapped(wide: pd.DataFrame, which: np.ndarray) -> tuple[Floats, Floats]:
    """Bounds (S, S) of the rank correlations of N runs x S scores, whose N clusters `which` are drawn whole."""
    rng, places = np.random.default_rng(SEED), _ordered(wide)
    names, cluster = np.unique(which, return_inverse=True)
    drawn = (np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names)) for _ in range(RESAMPLES))
    resampled = np.stack([_spearman(places, many[cluster].astype(float)) for many in drawn]).astype(np.float32)
    low, high = np.nanquantile(resampled, TAILS, axis=0)  # a score may have one value only in some draws
    return low, high
