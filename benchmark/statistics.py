"""Seeds to statements: Student t intervals, paired differences and ranks of plain numbers, in the unit they came in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean over n seeds and its Student t interval; one seed has no interval, so its bounds are NaN."""

    mean: float
    low: float
    high: float
    n: int

    def excludes(self, value: float = 0.0) -> bool:
        """True if `value` lies outside the interval; never true without an interval."""
        return bool(self.low > value or self.high < value)


def half_widths(stddevs: ArrayLike, counts: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """t(n - 1) s / sqrt(n) for sample standard deviations s (ddof = 1) over n seeds; NaN where n < 2."""
    from scipy.special import stdtrit

    n = np.asarray(counts, dtype=float)
    safe = np.maximum(n, 2)
    widths = stdtrit(safe - 1, (1 + confidence) / 2) * np.asarray(stddevs, dtype=float) / np.sqrt(safe)
    return np.where(n < 2, np.nan, widths)


def interval(values: Iterable[float], confidence: float = CONFIDENCE) -> Interval:
    """The mean of `values` with its t interval: at few seeds a percentile bootstrap covers far less than it says."""
    x = np.array(list(values), dtype=float)
    if len(x) == 0:
        return Interval(np.nan, np.nan, np.nan, 0)
    mean = float(x.mean())
    half = float(half_widths(x.std(ddof=1), len(x), confidence)) if len(x) > 1 else np.nan
    return Interval(mean, mean - half, mean + half, len(x))


def paired(left: Mapping[int, float], right: Mapping[int, float], confidence: float = CONFIDENCE) -> Interval:
    """The interval of left - right over the seeds that both have."""
    return interval([left[seed] - right[seed] for seed in sorted(left.keys() & right.keys())], confidence)


def ranks(values: ArrayLike, better: str) -> NDArray[np.float64]:
    """1 for the best; equal values share the better rank (1, 2, 2, 4), NaN stays without one."""
    if better not in ("higher", "lower"):
        raise ValueError(f"only a quantity with a direction can be ranked, got better={better!r}")
    x = np.asarray(values, dtype=float)
    x = np.where(np.isfinite(x), -x if better == "higher" else x, np.nan)
    return np.where(np.isnan(x), np.nan, 1.0 + np.searchsorted(np.sort(x), x))  # NaN sorts last; scipy.stats takes 1 s


def certain_best(values: Mapping[str, Mapping[int, float]], better: str) -> str | None:
    """The name (of name -> seed -> value) that beats the runner-up, if their paired interval excludes zero."""
    sign = {"higher": 1.0, "lower": -1.0}.get(better)
    if sign is None or len(values) < 2:
        return None
    means = {name: sign * interval(by_seed.values()).mean for name, by_seed in values.items()}
    best, second = sorted(means, key=lambda name: -means[name])[:2]
    gap = paired(values[best], values[second])
    return best if gap.excludes(0.0) and sign * gap.mean > 0 else None


def decimals(means: ArrayLike, halves: ArrayLike) -> int:
    """Digits after the point: two significant ones of the typical half-width, else four of the largest mean or none."""
    widths, sizes = (np.abs(np.asarray(x, dtype=float)) for x in (halves, means))
    widths, sizes = widths[widths > 0], sizes[sizes > 0]
    if len(widths):
        return int(np.clip(1 - np.floor(np.log10(np.median(widths))), 0, 3))
    if (sizes == np.round(sizes)).all():
        return 0
    return int(np.clip(3 - np.floor(np.log10(sizes.max())), 0, 3))
