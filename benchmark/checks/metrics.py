"""What holds of every metric: scores that describe themselves, finite or with a reason, the same twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmark.checks.codes import representation
from benchmark.checks.laws import hold
from metrics.core import Codes, Measurement, Representation, Score

FEW = 200  # examples, enough for laws
Measure = Callable[[Representation, np.random.Generator], Sequence[Score]]


def rng() -> np.random.Generator:
    """The generator that laws give to metrics, from its start."""
    return np.random.default_rng(0)


def listed(found: Any) -> list[Score]:
    """The scores that a metric gave, if they are a list with something in it."""
    found = found.scores if isinstance(found, Measurement) else found
    hold(isinstance(found, Sequence), f"gives {type(found).__name__}, expected a list of metrics.core.Score")
    hold(found, "gives no score")
    return list(found)


def plain_numbers(found: Any) -> None:
    """A list of scores: each has a name, and a finite float with a unit, or none and a reason."""
    for score in listed(found):
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


def hold_same(first: Sequence[Score], second: Sequence[Score]) -> None:
    """Equal scores, to the last digit; what is NaN is so twice."""
    hold(repr(first) == repr(second), "gives other scores the second time; draw from the generator alone")


def same_twice(measure: Measure) -> None:
    """Equal scores for equal codes and generators."""
    hold_same(*(listed(measure(representation(n=FEW), np.random.default_rng(3))) for _ in range(2)))


def names_the_view_that_it_reads(measure: Measure) -> None:
    """Of codes whose views have other names each score is the same, and says the name of the view that it is of."""
    codes = representation(n=FEW)
    names = {"mean": "q_ew_mean", "sample": "q_ew_sample"}

    def renamed(part: Codes) -> Codes:
        return replace(part, views={names[name]: view for name, view in part.views.items()})

    others = replace(codes, train=renamed(codes.train), test=renamed(codes.test), matrices={})
    plain, other = listed(measure(codes, rng())), listed(measure(others, rng()))
    expected = [replace(score, representation=names.get(score.representation or "")) for score in plain]
    hold(repr(other) == repr(expected), "gives other scores of renamed views; say representation.point, not mean")


LAWS = (plain_numbers_on_truth_and_noise, same_twice, names_the_view_that_it_reads)
