"""Seeds to statements: Student t intervals, corrections for many looks, ranks of plain numbers, in their own unit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
ERROR = 0.05  # of a whole family of statements


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

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def half_widths(stddevs: ArrayLike, counts: ArrayLike, confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """t(n - 1) s / sqrt(n) for sample standard deviations s (ddof = 1) over n seeds; NaN where n < 2."""
    from scipy.special import stdtrit

    n = np.asarray(counts, dtype=float)
    safe = np.maximum(n, 2)
    widths = stdtrit(safe - 1, (1 + confidence) / 2) * np.asarray(stddevs, dtype=float) / np.sqrt(safe)
    return np.where(n < 2, np.nan, widths)


class Scale(NamedTuple):
    """A monotone change of scale on which an estimate is nearly normal, and its way back."""

    there: Callable[[ArrayLike], NDArray[np.float64]]
    back: Callable[[ArrayLike], NDArray[np.float64]]


PLAIN = Scale(np.asarray, np.asarray)
LOGARITHMIC = Scale(np.log, np.exp)


@dataclass(frozen=True)
class Estimate:
    """A mean with what it takes to test it: Student's t with `df` degrees of freedom on a scale of its own."""

    mean: float
    stderr: float  # on that scale; NaN where there is none
    df: float
    n: int
    scale: Scale = PLAIN

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """The two-sided interval; NaN bounds without a standard error."""
        from scipy.special import stdtrit

        half = float(stdtrit(max(self.df, 1), (1 + confidence) / 2)) * self.stderr
        low, high = self.scale.back(self.scale.there(self.mean) + half * np.array([-1, 1]))
        return Interval(self.mean, float(low), float(high), self.n)

    def slack(self, margin: float) -> Estimate:
        """margin - |mean|, as certain as the mean: all of its interval is above 0 where all of the mean's is within the
        margin of 0, as two one-sided tests ask *(Schuirmann, 1987)*."""
        return replace(self, mean=margin - abs(self.mean))

    def p(self, bound: float = 0.0) -> float:
        """The two-sided p-value of the bound: 1 - p is the greatest confidence at which the interval excludes it."""
        from scipy.special import stdtr

        distance = float(abs(self.scale.there(self.mean) - self.scale.there(bound)))
        if not self.stderr > 0:
            return 0.0 if distance > 0 and self.stderr == 0 else 1.0
        return float(2 * stdtr(max(self.df, 1), -distance / self.stderr))


def of_values(values: Iterable[float]) -> Estimate:
    """The mean of values that are drawn alike; a percentile bootstrap of few would cover far less than it says."""
    x = np.array(list(values), dtype=float)
    stderr = float(x.std(ddof=1) / np.sqrt(len(x))) if len(x) > 1 else np.nan
    return Estimate(float(x.mean()) if len(x) else np.nan, stderr, len(x) - 1, len(x))


def deviation(values: Iterable[float]) -> Estimate:
    """The standard deviation of normal values: its logarithm has a standard error of about 1 / sqrt(2 (n - 1))."""
    x = np.array(list(values), dtype=float)
    found = float(x.std(ddof=1)) if len(x) > 1 else np.nan
    stderr = float(1 / np.sqrt(2 * (len(x) - 1))) if found > 0 else np.nan
    return Estimate(found, stderr, len(x) - 1, len(x), LOGARITHMIC)


def holm(p_values: Sequence[float], error: float = ERROR) -> list[float]:
    """The level at which each of m statements is judged, so that all of them together err with `error` *(Holm, 1979)*.

    The smallest p-value is held against error / m, the next against error / (m - 1), and so on up to the first that
    fails; that one and all greater ones share its level. A statement is made where its p-value is below its level.
    """
    m, order = len(p_values), np.argsort(p_values, kind="stable")
    levels = np.empty(m)
    stopped = 0
    for place in order:
        levels[place] = error / (m - stopped)
        stopped += int(p_values[place] <= levels[place])
    return levels.tolist()


def ranks(values: ArrayLike, better: str) -> NDArray[np.float64]:
    """1 for the best; equal values share the better rank (1, 2, 2, 4), NaN stays without one."""
    if better not in ("higher", "lower"):
        raise ValueError(f"only a quantity with a direction can be ranked, got better={better!r}")
    x = np.asarray(values, dtype=float)
    x = np.where(np.isfinite(x), -x if better == "higher" else x, np.nan)
    return np.where(np.isnan(x), np.nan, 1.0 + np.searchsorted(np.sort(x), x))  # NaN sorts last; scipy.stats takes 1 s


def decimals(means: ArrayLike, halves: ArrayLike) -> int:
    """Digits after the point: two significant ones of the typical half-width, else four of the largest mean or none."""
    widths, sizes = (np.abs(np.asarray(x, dtype=float)) for x in (halves, means))
    widths, sizes = widths[widths > 0], sizes[sizes > 0]
    if len(widths):
        return int(np.clip(1 - np.floor(np.log10(np.median(widths))), 0, 3))
    if (sizes == np.round(sizes)).all():
        return 0
    return int(np.clip(3 - np.floor(np.log10(sizes.max())), 0, 3))
