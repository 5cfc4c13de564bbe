"""What holds of what scores declare of themselves: names, units, directions, ranges, chance, what changes them.

Entries are those of SCORES, which stand beside the metric; a score of a metric without any is held to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np

from benchmark.checks.codes import BASE, CHANGED, SIZES, representation
from benchmark.checks.laws import hold
from benchmark.checks.metrics import Measure, listed, rng
from benchmark.config.components import suggestion
from metrics.core import Score
from metrics.declared import NO_ZERO, Declared, looked_up

Entries = tuple[Declared, ...]
CLASSES = float(np.mean(1 / np.array(SIZES)))  # the chance of guessing, the mean over factors
FLOORS: dict[str, tuple[float, float]] = {  # what a reading calls chance -> the values of noise
    "0: chance": (-0.25, 0.02),  # nearest neighbours are overconfident in nats
    "chance is the majority class's share": (0.9 * CLASSES, 0.3),
    "chance is 1/K of K classes": (CLASSES - 0.02, CLASSES + 0.02),
    "chance is 1/F of F factors": (0.2, 0.3),
    "chance is 0.5": (0.47, 0.53),
    "noise scores 1": (0.99, 1),
    "noise is near H(v) + log bins": (3.8, 4.4),
}
ABOUT = re.compile(r"about (\d\.\d+)(?: to (\d\.\d+))?$")  # noise in numbers, at the end of a reading
FROM_DRAWS = 1e-3  # by which an estimate may leave its range
NOTHING = 0.05  # the most that noise scores where zero is usable
TOLERANCE = 0.02  # of what fits by iterations or breaks ties
UNMOVED = 1e-6  # rounding: less than that is no change


def floors(reading: str) -> list[tuple[float, float]]:
    """The intervals that a reading has for noise."""
    found = [floor for words, floor in FLOORS.items() if words in reading]
    if match := ABOUT.search(reading):
        low, high = match[1], match[2]
        found.append((float(low), float(high)) if high else (float(low) / 2, 1.5 * float(low)))
    return found


def names_units_and_directions(found: Iterable[Score], entries: Entries) -> None:
    """Every score is declared, and has the unit and the direction that are."""
    for score in found:
        of = looked_up(entries, score.name)
        why = suggestion(score.name, [one.name for one in entries])
        hold(of is not None, f"{score.name} is not declared in SCORES beside its metric{why}")
        assert of is not None
        if score.value is not None:
            hold(score.unit == of.unit, f"{score.name} has the unit {score.unit!r} and declares {of.unit!r}")
            hold(score.better == of.better, f"{score.name} has better={score.better!r} and declares {of.better!r}")


def ranges(found: Iterable[Score], entries: Entries) -> None:
    """No score leaves the range that it declares."""
    for score in found:
        if _is_number(score.value) and (of := looked_up(entries, score.name)) is not None:
            low, high = of.range
            within = low - FROM_DRAWS <= score.value <= high + FROM_DRAWS
            hold(within, f"{score.name} is {score.value:.6g} and declares the range {low:g} to {high:g}")


def chance(found: Iterable[Score], entries: Entries) -> None:
    """Noise scores what the reading says of chance; nothing, unless it says that zero is unusable."""
    for score in found:
        of = looked_up(entries, score.name)
        if of is None or not _is_number(score.value) or score.factor is not None:
            continue
        said = f"{score.name} is {score.value:.3g} of codes that are noise"
        for low, high in floors(of.reading):
            hold(low <= score.value <= high, f"{said}, and {low:.3g} to {high:.3g} is what its reading says")
        if of.better == "higher":
            nothing = score.value <= NOTHING
            hold(nothing or not of.usable_zero, f"{said}; say in its reading what noise scores, and {NO_ZERO!r}")
            hold(of.usable_zero or not nothing, f"{said}; its reading says {NO_ZERO!r}")


def changes(measure: Measure, entries: Entries) -> None:
    """What a score declares to be `changed_by` changes it; every other change of the code leaves it as it is."""
    base = {case: _values(measure, case, entries) for case in set(BASE.values())}
    for change, case in BASE.items():
        changed = _values(measure, change, entries)
        for name, before in base[case].items():
            of, after = looked_up(entries, name), changed.get(name)
            assert of is not None
            if change in of.changed_by:
                moved = not _near(before, after, UNMOVED)
                hold(moved, f"{name} declares changed_by {change!r}, which leaves it at {after}")
            else:
                same = _near(before, after, max(TOLERANCE, CHANGED.get(change, 0.0)))
                hold(same, f"{name} is {before} of a code and {after} of the same code {change}; declare changed_by")


def _is_number(value: float | None) -> TypeGuard[float]:
    """NaN and infinity are for another law to refuse."""
    return value is not None and bool(np.isfinite(value))


def _near(before: float | None, after: float | None, room: float) -> bool:
    return repr(before) == repr(after) or (before is not None and after is not None and abs(after - before) <= room)


def _values(measure: Measure, case: str, entries: Entries) -> dict[str, float | None]:
    """The declared scores of a case, means over factors, of the first view."""
    found: dict[str, float | None] = {}
    for score in measured(measure, [case]):
        if score.factor is None and looked_up(entries, score.name) is not None:
            found.setdefault(score.name, score.value)
    return found


def measured(measure: Measure, cases: Sequence[str]) -> list[Score]:
    """The scores of codes of these cases."""
    return [score for case in cases for score in listed(measure(representation(case), rng()))]
