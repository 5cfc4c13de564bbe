"""What holds of every metric: scores that describe themselves, finite or with a reason, the same twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmark.checks.codes import BASE, CHANGED, representation
from benchmark.checks.laws import hold
from metrics.core import Codes, Representation, Score

FEW = 200  # examples, enough for laws
TOLERANCE = 0.02  # of what fits by iterations or breaks ties
Measure = Callable[[Representation, np.random.Generator], Sequence[Score]]


def rng() -> np.random.Generator:
    """The generator that laws give to metrics, from its start."""
    return np.random.default_rng(0)


def plain_numbers(found: Iterable[Score]) -> None:
    """Each score has a name, and a finite float with a unit, or none and a reason."""
    found = list(found)
    hold(found, "gives no score")
    for score in found:
        hold(isinstance(score, Score), f"gives {type(score).__name__}, expected metrics.core.Score")
        hold(score.name and isinstance(score.name, str), "gives a score without a name")
        if score.value is None:
            hold(score.reason, f"{score.name} has no value and no reason")
            continue
        hold(type(score.value) is float, f"{score.name} is of type {type(score.value).__name__}, expected float")
        hold(np.isfinite(score.value), f"{score.name} is {score.value}")
        hold(score.unit, f"{score.name} has no unit")
        bad = score.stderr is not None and not (type(score.stderr) is float and 0 <= score.stderr < np.inf)
        hold(not bad, f"the standard error of {score.name} is {score.stderr}, expected a float from 0 on")


def plain_numbers_on_truth_and_noise(measure: Measure) -> None:
    """On codes that are the factors themselves, and on codes that know nothing."""
    for case in ("truth", "noise"):
        plain_numbers(measure(representation(case, FEW), rng()))


def same_twice(measure: Measure) -> None:
    """Equal scores for equal codes and generators."""
    first, second = (list(measure(representation(n=FEW), np.random.default_rng(3))) for _ in range(2))
    hold(first == second, "gives other scores the second time; draw from the generator alone")


def names_the_view_that_it_reads(measure: Measure) -> None:
    """Of codes whose views have other names each score is the same, and says the name of the view that it is of."""
    codes = representation(n=FEW)
    names = {"mean": "q_ew_mean", "sample": "q_ew_sample"}

    def renamed(part: Codes) -> Codes:
        return replace(part, views={names[name]: view for name, view in part.views.items()})

    others = replace(codes, train=renamed(codes.train), test=renamed(codes.test), matrices={})
    plain, other = measure(codes, rng()), measure(others, rng())
    expected = [replace(score, representation=names.get(score.representation or "")) for score in plain]
    hold(list(other) == expected, "gives other scores of renamed views; say representation.point, not mean")


def declared_invariances(measure: Measure, declared: Sequence[Any]) -> None:
    """Every change of the code that a score does not declare to be `changed_by` leaves it as it is.

    `declared` are entries of SCORES as files of metrics have them, those of scores that are measured here.
    """
    known = {one.name: one for one in declared}
    base = {case: _values(measure, case, known) for case in set(BASE.values())}
    for change, case in BASE.items():
        changed = _values(measure, change, known)
        for name, before in base[case].items():
            if change in known[name].changed_by:
                continue
            after = changed.get(name)
            room = max(TOLERANCE, CHANGED.get(change, 0.0))
            same = before == after or (before is not None and after is not None and abs(after - before) <= room)
            hold(same, f"{name} is {before} of a code and {after} of the same code {change}; declare changed_by")


def _values(measure: Measure, case: str, known: Iterable[str]) -> dict[str, float | None]:
    """The declared scores of a case, means over factors, of the first view."""
    found: dict[str, float | None] = {}
    for score in measure(representation(case), rng()):
        if score.name in known and score.factor is None:
            found.setdefault(score.name, score.value)
    return found


LAWS = (plain_numbers_on_truth_and_noise, same_twice, names_the_view_that_it_reads)
