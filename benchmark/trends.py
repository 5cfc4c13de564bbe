"""Claims that are no comparison of two sides: an inverted U of a score over beta."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.statistics import Interval, interval
from benchmark.tables import beta_of

if TYPE_CHECKING:
    from benchmark.claims import Claim
    from benchmark.record import Record


class Unchecked(ValueError):
    """A claim that these runs cannot decide."""


@dataclass(frozen=True)
class Curve:
    """Quadratics in log2(beta), one per seed: y = a + b x + c x^2."""

    curvature: Interval  # of c over seeds, in units of the score per doubling of beta squared
    peak: float  # the beta at which the mean of the quadratics is greatest; NaN where it has no maximum
    betas: tuple[float, ...]

    @property
    def inside(self) -> bool:
        """Whether the maximum lies strictly between the least and the greatest beta that was tried."""
        return min(self.betas) < self.peak < max(self.betas)


def curve(values: Mapping[int, Mapping[float, float]]) -> Curve:
    """The least-squares quadratic of each seed's beta -> score; seeds that lack a beta of the others are left out.

    The term that *(Higgins et al., 2017)* draw as an inverted U: c < 0, with its maximum between the betas tried.
    Unchecked with fewer than three betas above 0 or two seeds.
    """
    betas = sorted({beta for one in values.values() for beta in one if beta > 0})
    whole = {seed: one for seed, one in values.items() if set(betas) <= set(one)}
    if len(betas) < 3:
        raise Unchecked(f"n={len(whole)}, a curve needs three values of beta, there are {len(betas)}")
    if len(whole) < 2:
        raise Unchecked(f"n={len(whole)}, an interval needs two seeds that have every beta")
    x = np.log2(betas)
    terms = np.array([np.polyfit(x, [one[beta] for beta in betas], 2) for one in whole.values()])
    c, b, _ = terms.mean(axis=0)
    peak = float(2 ** (-b / (2 * c))) if c < 0 and abs(b / c) < 200 else math.nan
    return Curve(interval(terms[:, 0]), peak, tuple(betas))


def inverted_u(claim: Claim, members: Sequence[Record]) -> tuple[Interval, bool, str]:
    """The curvature over beta of the claim's metric, whether it is an inverted U, and what to say beside it."""
    values: dict[int, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in members:
        beta, value = beta_of(record), claim.value(record)
        if beta is not None and value is not None:
            values[int(record.config["seed"])][beta].append(value)
    means = {seed: {beta: float(np.mean(of)) for beta, of in one.items()} for seed, one in values.items()}
    found = curve(means)
    bent = found.curvature.high < 0
    there = f"greatest at beta = {found.peak:.3g}" if math.isfinite(found.peak) else "no maximum"
    tried = f"of {min(found.betas):g} to {max(found.betas):g}"
    why = "" if bent and found.inside else "; the interval includes 0" if not bent else "; not between the betas tried"
    return found.curvature, bent and found.inside, f"{there} {tried}{why}"
