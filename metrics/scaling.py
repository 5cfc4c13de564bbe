"""Each axis of codes (N, D) by its own scale: its spread, which values are far out, whether it has collapsed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.core import Array, Representation, joined

COLLAPSED = 0.1  # of the posterior's stddev: means that spread less hold a hundredth of its variance, 0.005 nats
FAR = 1.0  # inner range beyond the inner range: 7.7 standard deviations of a normal axis
_TINY = 1e-12  # of an axis' magnitude: a spread that is rounding


@dataclass(frozen=True)
class Scaling:
    """A map of each axis onto a common scale, with what was found on the way, (D,) each."""

    low: Array  # values beyond are far out and count as the bound
    high: Array
    centre: Array
    spread: Array  # standard deviation, 0 for a constant axis
    floor: Array  # least number that an axis is divided by: COLLAPSED of the posterior's stddev, 0 without one

    @property
    def active(self) -> NDArray[np.bool_]:
        """Axes that are neither constant nor collapsed."""
        return (self.spread > 0) & (self.spread >= self.floor)

    def cut(self, codes: Array) -> Array:
        """The codes with far values moved to the bounds."""
        return np.clip(codes, self.low, self.high)

    def __call__(self, codes: Array) -> Array:
        """The codes cut, centred and divided, each axis by its spread or floor; a constant axis is 0."""
        scale = np.where(self.spread > 0, np.maximum(self.spread, self.floor), np.inf)
        return np.asarray((self.cut(codes) - self.centre) / scale)

    def note(self, *parts: Array) -> str:
        """What a row must say: how many axes have collapsed, and in how many examples of the parts a value was cut."""
        collapsed = int(((self.spread > 0) & ~self.active).sum())
        far = sum(int(((part < self.low) | (part > self.high)).any(axis=1).sum()) for part in parts)
        return joined(
            f"{collapsed} of {len(self.spread)} axes collapsed" if collapsed else "",
            f"far values of {far} examples cut" if far else "",
        )


def scaling(codes: Array, stddev: Array | None = None) -> Scaling:
    """Centre and spread of each axis of codes (N, D) by itself, so that no axis decides over another.

    Values more than FAR inner ranges beyond the inner range are cut to there first: one outlier moves next to nothing.
    An axis that is the same in 99 % of the examples has no inner range; it is never cut, and its whole range is its
    spread, so that rare values are not blown up. Given the posterior's `stddev` (N, D), an axis whose means spread less
    than COLLAPSED of its median is collapsed, and is divided by that floor: plain standardising would blow up an
    inactive unit to full-size noise. Invariant (with stddev) to permutation, sign, shift and the scale of each axis.
    """
    low, high = inner_range(codes)
    width = np.where(_moves(low, high), high - low, 0.0)
    reach = np.where(width > 0, FAR * width, np.inf)
    cut = np.clip(codes, low - reach, high + reach)
    least, most = cut.min(axis=0), cut.max(axis=0)
    extent = np.where(_moves(least, most), most - least, 0.0)
    unit = np.where(width > 0, width, np.where(extent > 0, extent, 1.0))  # squares of tiny codes would be 0
    spread = np.where(width > 0, unit * ((cut - low) / unit).std(axis=0), extent)
    floor = np.zeros_like(spread) if stddev is None else COLLAPSED * np.median(stddev, axis=0)
    return Scaling(low - reach, high + reach, cut.mean(axis=0), np.where(extent > 0, spread, 0.0), floor)


def standardised(representation: Representation, view: str | None = None) -> tuple[Array, Array, str]:
    """Train and test by the `scaling` of the whole training part (codes need no labels), and what a row says of it."""
    train, test = representation.train, representation.test
    view = representation.point if view is None else view
    fitted, scored = train.views[view], test.views[view]
    found = scaling(fitted, train.stddev)
    return found(fitted), found(scored), found.note(fitted, scored)


def varies(codes: Array) -> NDArray[np.bool_]:
    """Which axes (D,) of codes (N, D) are more than one value up to rounding."""
    return _moves(codes.min(axis=0), codes.max(axis=0))


def inner_range(codes: Array) -> tuple[Array, Array]:
    """The quantiles 0.005 and 0.995 (D,) of each axis, which no outlier among 200 examples or more moves."""
    low, high = np.quantile(codes, [0.005, 0.995], axis=0)
    return low, high


def _moves(low: Array, high: Array) -> NDArray[np.bool_]:
    return np.asarray(high - low > _TINY * np.maximum(np.abs(low), np.abs(high)))
