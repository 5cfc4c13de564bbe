"""The frontier of a family of models on the rate-distortion plane: lower convex hulls and areas above them, nats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmark.reporting.statistics import Interval, half_widths

Floats = NDArray[np.float64]
READ, CHOSEN = ("rate", "distortion"), ("chosen_rate", "chosen_distortion")  # on the test, the validation split
GRID = 201  # rates at which a frontier's height is averaged


class Range(NamedTuple):
    """The rates that frontiers are compared over."""

    low: float
    high: float


def lower_hull(rate: Floats, distortion: Floats) -> NDArray[np.int64]:
    """The points (by their numbers, by rising rate) of the lower convex hull whose distortion falls with the rate.

    What lies between two of them is reached on average by using one model for some examples and one for the others.
    """
    order = np.lexsort((distortion, rate))
    kept = list[int]()
    for point in order.tolist():
        while len(kept) > 1 and not _turns_up(rate, distortion, kept[-2], kept[-1], point):
            kept.pop()
        if len(kept) == 1 and distortion[point] <= distortion[kept[0]] and rate[point] <= rate[kept[0]]:
            continue
        kept.append(point)
    while len(kept) > 1 and distortion[kept[-1]] >= distortion[kept[-2]]:
        kept.pop()
    return np.array(kept, dtype=np.int64)


def _turns_up(rate: Floats, distortion: Floats, first: int, middle: int, last: int) -> bool:
    """Whether the middle one is strictly below the line from the first to the last."""
    run, rise = rate[last] - rate[first], distortion[last] - distortion[first]
    return bool((distortion[middle] - distortion[first]) * run < rise * (rate[middle] - rate[first]))


def height(at: Floats, rate: Floats, distortion: Floats) -> Floats:
    """The distortion of a frontier of these vertices (any order) at given rates: straight between them, level behind
    the last, NaN before the first."""
    order = np.argsort(rate)
    return np.interp(at, rate[order], distortion[order], left=np.nan)


def vertices(dots: pd.DataFrame) -> pd.DataFrame:
    """The configurations on the lower hull of each family: means over seeds, a row each, by family and rising rate.

    `dots` has a row per run: family, label, rate, distortion, and chosen_rate and chosen_distortion of the validation
    split, by which the hull is chosen where every run of the family has them (`by` says which split it was).
    """
    parts = [_vertices(str(family), of) for family, of in dots.groupby("family", sort=True)]
    return pd.concat(parts, ignore_index=True)


def _vertices(family: str, runs: pd.DataFrame) -> pd.DataFrame:
    means = runs.groupby("label", sort=True)[[*READ, *CHOSEN]].mean().reset_index()
    by = _by(runs[[*CHOSEN]].to_numpy(dtype=float))
    at = means[[*(CHOSEN if by == "validation" else READ)]].to_numpy(dtype=float)
    kept = means.iloc[lower_hull(*at.T)]
    return kept[["label", "rate", "distortion"]].assign(family=family, by=by)


def _by(chosen: Floats) -> str:
    """The split that a hull of runs with these coordinates (n, 2) on validation images, or NaN, is chosen by."""
    return "test" if np.isnan(chosen).any() else "validation"


def distances(dots: pd.DataFrame) -> pd.Series:
    """How far the distortion of each run is above the frontier of all families together, at its rate, nats.

    The frontier is chosen by validation and read on the test split, so that a run can be below it. NaN at rates below
    those of every vertex.
    """
    best = vertices(dots.assign(family=""))
    at = dots["rate"].to_numpy(dtype=float)
    level = height(at, best["rate"].to_numpy(dtype=float), best["distortion"].to_numpy(dtype=float))
    return dots["distortion"] - level


def areas(dots: pd.DataFrame, floor: float) -> tuple[pd.DataFrame, Range | None]:
    """Per family the area between its frontier and rate + distortion = `floor`, over the width of the rates: nats.

    It is the mean of D(R) + R - floor over the rates that every seed of every family with two vertices spans, which are
    given back; the interval is Student's t over the seeds that have all of a family's configurations. A smaller one is
    better.
    """
    found = list(_frontiers(dots))
    if not found:
        return pd.DataFrame(columns=pd.Index(["family", "mean", "low", "high", "n"])), None
    span = Range(max(rate.min() for _, rate, _ in found), min(rate.max() for _, rate, _ in found))
    if not span.low < span.high:
        return pd.DataFrame(columns=pd.Index(["family", "mean", "low", "high", "n"])), None
    at = np.linspace(*span, GRID)
    excess = [(family, float(np.mean(height(at, rate, distortion) + at - floor))) for family, rate, distortion in found]
    values = pd.DataFrame(excess, columns=pd.Index(["family", "area"]))
    rows = [(family, *_interval(of["area"].to_numpy(dtype=float))) for family, of in values.groupby("family")]
    return pd.DataFrame(rows, columns=pd.Index(["family", "mean", "low", "high", "n"])), span


def _frontiers(dots: pd.DataFrame) -> Iterator[tuple[str, Floats, Floats]]:
    """Family, rates and distortions of the vertices of every seed that has at least two, and all configurations: fewer
    are another frontier."""
    for family, of in dots.groupby("family", sort=True):
        read, chosen = (of[list(names)].to_numpy(dtype=float) for names in (READ, CHOSEN))
        label, seeds = pd.factorize(of["label"])[0], of["seed"].to_numpy()
        for seed in np.unique(seeds):
            runs = np.flatnonzero(seeds == seed)
            if len(np.unique(label[runs])) < label.max() + 1:
                continue
            at = chosen if _by(chosen[runs]) == "validation" else read
            kept = runs[lower_hull(*at[runs].T)]
            if len(kept) > 1:
                yield str(family), *read[kept].T


def _interval(values: Floats) -> tuple[float, float, float, int]:
    half = float(half_widths([values.std(ddof=1) if len(values) > 1 else 0.0], [len(values)])[0])
    whole = Interval(float(values.mean()), float(values.mean()) - half, float(values.mean()) + half, len(values))
    return whole.mean, whole.low, whole.high, whole.n
