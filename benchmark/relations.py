"""What a sweep's scores have to do with each other and with their causes: numbers of many runs, one group at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benchmark.agreement import NAMES as OF_SEVERAL_SEEDS
from benchmark.statistics import CONFIDENCE, Interval
from metrics.labelled import FEW

RESAMPLES, SEED = 1000, 0  # of every bootstrap: a report is the same twice
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
Floats = NDArray[np.float64]
Sizes = tuple[int, int]


@dataclass(frozen=True)
class Shares:
    """What part of a score's variance each cause explains; the three parts add up to 1."""

    method: Interval
    strength: Interval  # of the methods' hyper-parameter, beyond the method
    seed: Interval
    method_minus_seed: Interval
    methods: int
    configurations: int
    raw: tuple[float, float]  # R2 of the method, and of method and strength together, as Locatello et al. print them


def trained_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a full table that are compared: finished trained runs, means over factors, mean codes.

    Two columns join: `method`, and `score`, which is the metric with its number of labels (the largest and 100).
    """
    rows = table[(table["metric"] != "") & (table["factor"] == "") & ~table["reference"]]
    rows = rows[rows["representation"].isin(["", "mean"]) & (rows["status"] == "finished")]
    largest = rows.groupby(["group", "metric"])["num_labels"].transform("max")
    rows = rows[rows["num_labels"].isna() | rows["num_labels"].isin([FEW]) | rows["num_labels"].eq(largest)]
    labels = rows["num_labels"].map(lambda n: "" if pd.isna(n) else f" ({n} labels)")
    several = rows.groupby("group")["model"].transform("nunique") > 1
    method = rows["objective"] + (" " + rows["model"]).where(several, "")
    return rows.assign(method=method, score=rows["metric"] + labels)


def variance_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per group, score and cause (method, strength, seed): share, interval, raw R2, and how many runs say so.

    UDR has none: the seeds of a configuration get it from each other, so they cannot differ freely.
    """
    rows = []
    frame = trained_scores(table)
    frame = frame[~frame["metric"].isin(OF_SEVERAL_SEEDS)]
    for (group, score), of in frame[frame["value"].notna()].groupby(["group", "score"], sort=False):
        parts = explained(of["value"], of["method"], of["method"] + "\n" + of["varied"])
        if parts is None:
            continue
        method, both = parts.raw
        size = (parts.method.n, parts.methods, parts.configurations)
        for cause, raw in (("method", method), ("strength", both - method), ("seed", 1 - both)):
            found: Interval = getattr(parts, cause)
            rows.append((group, score, cause, found.mean, found.low, found.high, raw, *size))
    columns = ("group", "score", "cause", "share", "low", "high", "raw", "runs", "methods", "configurations")
    return pd.DataFrame(rows, columns=pd.Index(columns))


def explained(values: ArrayLike, methods: ArrayLike, configurations: ArrayLike) -> Shares | None:
    """The shares over configurations of two seeds or more; None unless there are two of them, and values differ."""
    rows = pd.DataFrame({"value": values, "method": methods, "configuration": configurations})
    rows = rows[rows["configuration"].map(rows["configuration"].value_counts()) > 1]
    if rows["configuration"].nunique() < 2 or rows["value"].nunique() < 2:
        return None
    return shares(rows["value"], rows["method"], rows["configuration"])


def shares(values: ArrayLike, methods: ArrayLike, configurations: ArrayLike) -> Shares:
    """Nested analysis of variance of N values, two or more of most configurations, each of which has one method.

    With the sums of squares SS of methods, of configurations within methods and of seeds, and noise = SS_seed / (N - k)
    for k configurations of m methods, the parts are SS_method - (m - 1) noise, SS_strength - (k - m) noise and N noise,
    divided by their sum: what R2 tends to as seeds grow in number. With few seeds R2 itself, `raw` (Locatello et al.,
    2019), is far too large: k configurations of two seeds explain (k - 1) / (2 k - 1) of pure noise. Intervals are
    percentiles of a bootstrap of new seeds for the same configurations, whose noise is drawn as normal: to draw again
    from two or three seeds would halve their variance. In simulations they cover 0.90 to 0.98 from two seeds on.
    """
    x = np.asarray(values, dtype=float)
    squares, (few, many) = _sums_of_squares(x, np.asarray(methods, dtype=str), np.asarray(configurations, dtype=str))
    freedom = np.array([few - 1, many - few, len(x) - many])
    parts = _parts(squares, freedom)
    low, high = np.quantile(_parts(_drawn(squares, freedom), freedom), TAILS, axis=0)
    floor = np.array([0.0, 0.0, 0.0, -1.0])
    means = np.clip(parts, floor, 1.0)
    means = np.append(means[:3] / means[:3].sum(), means[0] - means[2])
    low, high = np.minimum(np.clip(low, floor, 1.0), means), np.maximum(np.clip(high, floor, 1.0), means)
    method, strength, seed, gap = (
        Interval(float(m), float(a), float(b), len(x)) for m, a, b in zip(means, low, high, strict=True)
    )
    first, second, _ = squares / squares.sum()
    return Shares(method, strength, seed, gap, few, many, (float(first), float(first + second)))


def _sums_of_squares(x: Floats, methods: NDArray[np.str_], configurations: NDArray[np.str_]) -> tuple[Floats, Sizes]:
    """Of methods, of configurations within them, of seeds within those (3,); the numbers of methods and configurations.

    They add up to the total, also where configurations have different numbers of seeds.
    """
    _, first, config = np.unique(configurations, return_index=True, return_inverse=True)
    _, method_of = np.unique(methods[first], return_inverse=True)
    size = np.bincount(config)
    means = np.bincount(config, x) / size
    of_method = np.bincount(method_of, size * means) / np.bincount(method_of, size)
    method = size * (of_method[method_of] - x.mean()) ** 2
    strength = size * (means - of_method[method_of]) ** 2
    seed = (x - means[config]) ** 2
    return np.array([method.sum(), strength.sum(), seed.sum()]), (len(of_method), len(size))


def _parts(squares: Floats, freedom: NDArray[np.int_]) -> Floats:
    """Shares (..., 4) of method, strength and seed, free of what noise adds to them, and method minus seed."""
    noise = squares[..., 2:] / freedom[2]
    count = freedom.sum() + 1
    effects = squares - freedom * noise
    parts = np.concatenate([effects[..., :2], count * noise], axis=-1) / (squares.sum(-1, keepdims=True) + noise)
    return np.concatenate([parts, parts[..., :1] - parts[..., 2:]], axis=-1)


def _drawn(squares: Floats, freedom: NDArray[np.int_]) -> Floats:
    """Sums of squares (RESAMPLES, 3) of new seeds: non-central chi-squared about the effects found, in units of noise.

    Seeds that differ by nothing at all (noise 0) leave the effects as they are.
    """
    noise = squares[2] / freedom[2]
    if noise == 0:
        return np.broadcast_to(squares, (RESAMPLES, 3))
    rng = np.random.default_rng(SEED)
    shift = np.array([*np.maximum(squares[:2] / noise - freedom[:2], 0.0), 0.0])
    drawn = rng.noncentral_chisquare(np.maximum(freedom, 1), shift, (RESAMPLES, 3))
    return np.where(freedom > 0, noise * drawn, 0.0)
