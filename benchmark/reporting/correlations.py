"""Do two scores order the runs of a sweep alike? Spearman's rank correlation of every pair, with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.reporting.variance import RESAMPLES, SEED, TAILS, Floats, trained_scores

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


def correlate(table: pd.DataFrame) -> list[Correlations]:
    """The groups of a full table that have enough trained configurations, with all their scores.

    Intervals are percentiles of a bootstrap that draws whole configurations, with all their seeds, for seeds of one
    configuration are alike; runs, where there is one configuration only. They speak of other configurations like these.
    In simulations they cover 0.90 to 0.97 from 8 configurations of two seeds on.
    """
    found = (_correlations(str(group), of) for group, of in trained_scores(table).groupby("group"))
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
    ranks = values.rank().to_numpy(dtype=float)
    ranks = ranks - ranks.mean(axis=0)
    size = np.sqrt((ranks**2).sum(axis=0))
    unit = ranks / np.where(size > 0, size, np.nan)
    return np.asarray(np.clip(unit.T @ unit, -1.0, 1.0))


def bootstrapped(wide: pd.DataFrame, which: np.ndarray) -> tuple[Floats, Floats]:
    """Bounds (S, S) of the rank correlations of N runs x S scores, whose N clusters `which` are drawn whole."""
    rng = np.random.default_rng(SEED)
    clusters = [np.flatnonzero(which == name) for name in np.unique(which)]
    drawn = (np.concatenate([clusters[i] for i in rng.integers(0, len(clusters), len(clusters))])
             for _ in range(RESAMPLES))  # fmt: skip
    resampled = np.stack([spearman(wide.iloc[rows]) for rows in drawn]).astype(np.float32)
    low, high = np.nanquantile(resampled, TAILS, axis=0)  # a score may have one value only in some draws
    return low, high
