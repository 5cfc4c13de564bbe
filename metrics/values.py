"""What the numbers (N,) of a factor or an axis mean: which of them are one, which are classes, which go in a circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MOST_CLASSES = 256  # values; a factor with more is continuous
TURN = 2 * np.pi
_ULPS = 32  # units in the last place that a few steps of arithmetic may cost
_SLACK = 1.01  # of a turn, for radians with few digits
_EVEN = 1e-3  # of a step: how far a value may lie from its place on an even grid


def rounding(values: Array, at: Array | None = None) -> Array:
    """The distance within which a number may equal each value (or each of `at`) but for rounding.

    32 units in the last place of the value, or of the median magnitude for smaller ones, in single precision if it
    holds every value but not as whole numbers. Relative, so no unit, shift or outlier makes distinct values one.
    """
    with np.errstate(over="ignore"):
        single = bool((values == values.astype(np.float32)).all()) and not whole(values)
    magnitude = np.maximum(np.abs(values if at is None else at), np.median(np.abs(values)))
    return np.asarray(_ULPS * np.finfo(np.float32 if single else np.float64).eps * magnitude)


def distinct(values: Array) -> tuple[Array, NDArray[np.int64]]:
    """The least (K,) of each group of values that are one but for rounding, ascending, and the group of each (N,)."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    first = np.append(True, np.diff(ascending) > rounding(values)[order][1:])
    index = np.empty(len(values), dtype=np.int64)
    index[order] = np.cumsum(first) - 1
    return ascending[first], index


def whole(values: Array) -> bool:
    """Whether all are whole numbers."""
    return bool((values == np.round(values)).all())


def spacing(values: Array) -> float | None:
    """The step of the even grid that the values lie on and half of whose places they take; None where there is none."""
    found, _ = distinct(values)
    if len(found) < 2:
        return None
    span = found[-1] - found[0]
    steps = np.round(span / np.diff(found).min())
    places = (found - found[0]) / span * steps
    even = np.abs(places - np.round(places)).max() <= _EVEN
    return float(span / steps) if even and len(found) > steps / 2 else None


def are_classes(values: Array) -> bool:
    """Whether a factor of no stated type is discrete: at most 256 values that are whole numbers, or evenly spaced and
    each there twice on average. Any others are continuous."""
    number = len(distinct(values)[0])
    if number > MOST_CLASSES:
        return False
    return whole(values) or (2 * number <= len(values) and spacing(values) is not None)


def on_circle(values: Array) -> Array:
    """A circular factor as 0..n-1, n equal steps round the circle, or in radians; ValueError for what is neither.

    Evenly spaced values close after a full turn of 2 pi, 360 or 1, whole numbers of step 1 after the last of them:
    0..n-1, 1..n (n is 0), 0, 9, ..., 351 degrees, quarters 0, .25, .5, .75. Radians may leave out some of the circle. A
    last value a turn of 2 pi or 360 after the first is the first again. Where these are no classes (are_classes), or
    the last of n is not among them, they become radians. All other values are radians as they are, and
    span more than 1 and at most 2 pi.
    """
    span, step = float(np.ptp(values)), spacing(values)
    number = _steps_round(span, step) if step else 0
    if step and number:
        places = values / step
        if np.abs(places - np.round(places)).max() > _EVEN:  # not counted from 0
            places = (values - values.min()) / step
        index = np.round(places) % number
        all_round = index.max() + 1 == number  # else the indices would not say how many there are
        return index if all_round and are_classes(values) else index * TURN / number
    if span == 0 or (1 < span <= TURN * _SLACK and (step is None or span + 2 * step > TURN)):
        return values
    steps = f"in steps of {step:g}" if step else "not evenly spaced"
    raise ValueError(
        f"a circular factor from {values.min():g} to {values.max():g}, {steps}, is no circle that is known; "
        "write whole numbers 0..n-1 for n equal steps, or radians"
    )


def is_circle(values: Array) -> bool:
    """Whether those are numbers 0..n-1, or radians: what a circular factor is once it is recoded."""
    return bool(values.min() >= 0) if whole(values) else bool(np.ptp(values) <= TURN * _SLACK)


def _steps_round(span: float, step: float) -> int:
    """The number of steps of the circle, 0 where none of the known ones fits."""
    for turn in (TURN, 360.0, 1.0):
        number = round(turn / step)
        closes = _near(span + step, turn) or (turn > 1 and _near(span, turn))
        if closes or (turn == TURN and number > 1 and span < turn and _near(number * step, turn)):
            return number
    return round(span) + 1 if _near(step, 1.0) else 0


def _near(value: float, other: float) -> bool:
    return abs(value - other) <= _EVEN * other
