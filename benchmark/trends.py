"""Claims that are no comparison of two sides: an inverted U over beta, and what explains a score's variance."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmark.relations import Shares, explained
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


class Finding(NamedTuple):
    """What a claim was held against, and how that ended."""

    interval: Interval
    held: bool
    note: str
    quantity: str  # what the interval is of
    unit: str | None = ""  # None: that of the score


def inverted_u(claim: Claim, members: Sequence[Record]) -> Finding:
    """Whether the claim's metric has a maximum over beta: its mean curvature below zero, the peak inside."""
    values: dict[int, dict[float, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record, value in _measured(claim, members):
        if (beta := beta_of(record)) is not None:
            values[int(record.config["seed"])][beta].append(value)
    means = {seed: {beta: float(np.mean(of)) for beta, of in one.items()} for seed, one in values.items()}
    found = curve(means)
    bent = found.curvature.high < 0
    there = f"greatest at beta = {found.peak:.3g}" if math.isfinite(found.peak) else "no maximum"
    tried = f"of {min(found.betas):g} to {max(found.betas):g}"
    held = bent and found.inside
    why = "not between the betas tried" if bent else _beyond(found.curvature, 0)
    note = f"{there} {tried}" + ("" if held else f"; {why}")
    return Finding(found.curvature, held, note, "curvature over log2(beta)", None)


def configuration_over_seed(claim: Claim, members: Sequence[Record]) -> Finding:
    """Whether method and strength together explain more of the metric's variance than the seed: its share is < 1/2."""
    found = _shares(claim, members).seed
    held = found.high < 0.5
    return Finding(found, held, "" if held else _beyond(found, 0.5), "the seed's share of the variance")


def seed_over_method(claim: Claim, members: Sequence[Record]) -> Finding:
    """Whether the method explains less of the metric's variance than the seed does *(Locatello et al., 2019)*."""
    found = _shares(claim, members).method_minus_seed
    held = found.high < 0
    return Finding(found, held, "" if held else _beyond(found, 0.0), "share of the method minus that of the seed")


TRENDS: Mapping[str, Callable[[Claim, Sequence[Record]], Finding]] = {
    "inverted_u": inverted_u,
    "configuration_over_seed": configuration_over_seed,
    "seed_over_method": seed_over_method,
}


def _measured(claim: Claim, members: Sequence[Record]) -> list[tuple[Record, float]]:
    pairs = [(record, claim.value(record)) for record in members]
    return [(record, value) for record, value in pairs if value is not None]


def _beyond(found: Interval, bound: float) -> str:
    return f"the whole interval is above {bound:g}" if found.low > bound else f"interval includes {bound:g}"


def _shares(claim: Claim, members: Sequence[Record]) -> Shares:
    runs = _measured(claim, members)
    methods = [f"{record.choices['objective']} {record.choices['model']}" for record, _ in runs]
    found = explained([value for _, value in runs], methods, [record.configuration for record, _ in runs])
    if found is None:
        raise Unchecked(f"n={len(runs)}, shares of variance need two configurations of two seeds each that differ")
    return found
