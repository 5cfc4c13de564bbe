"""What runs say of a claim: estimates with the bound they are held against, or why the runs cannot say anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmark.reporting.claims import Unchecked
from benchmark.reporting.statistics import Estimate

if TYPE_CHECKING:
    from benchmark.reporting.claims import Claim
    from benchmark.store.asked import Asked

Outcome = Literal["held", "contradicted", "undecided"]
MOST_NAMED = 3  # runs by name in one reason


@dataclass(frozen=True)
class Finding:
    """Estimates that a claim puts on one side of a bound; the first is the one that is printed.

    The claim holds if the first is beyond the bound, and is contradicted if all of them are on its other side.
    """

    estimates: tuple[Estimate, ...]
    bound: float
    above: bool  # the side that is claimed
    quantity: str  # what they are of
    unit: str | None  # None: that of the score
    sample: str  # how many runs, in words
    used: tuple[Asked, ...]
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()  # why it decides nothing, whatever the numbers
    doubts: tuple[str, ...] = ()  # why it cannot be held, though the numbers say so

    @property
    def p(self) -> float:
        """The two-sided p-value by which the claim is held or contradicted."""
        first = self.estimates[0]
        if self._claimed(first.mean):
            return first.p(self.bound)
        return max(1.0 if self._claimed(of.mean) else of.p(self.bound) for of in self.estimates)

    def outcome(self, level: float) -> Outcome:
        """What the intervals of confidence 1 - level say."""
        certain = [of.interval(1 - level).excludes(self.bound) for of in self.estimates]
        claimed = [self._claimed(of.mean) for of in self.estimates]
        if certain[0] and claimed[0]:
            return "held"
        return "contradicted" if all(certain) and not any(claimed) else "undecided"

    def _claimed(self, value: float) -> bool:
        return value > self.bound if self.above else value < self.bound


def values_of(claim: Claim, runs: Sequence[Asked]) -> dict[int, float]:
    """seed -> the claim's metric; Unchecked, with their names, unless every planned run has one."""
    found = {run.seed: value_of(claim, run) for run in runs}
    require_all(claim, [run for run in runs if found[run.seed] is None], len(runs))
    return {seed: value for seed, value in found.items() if value is not None}


def value_of(claim: Claim, run: Asked) -> float | None:
    """The claim's metric of a run; None where it has not finished, or the metric is null."""
    return claim.value(run.record) if run.record and run.record.status == "finished" else None


def require_all(claim: Claim, lacking: Sequence[Asked], planned: int) -> None:
    """Unchecked, with what happened to them, if some of the planned runs lack the claim's metric."""
    troubles: dict[str, list[str]] = defaultdict(list)
    for run in lacking:
        troubles[_trouble(claim, run)].append(run.name)
    if troubles:
        parts = (f"{len(names)} {why} ({named(names)})" for why, names in troubles.items())
        raise Unchecked(f"of {planned} planned runs, {'; '.join(parts)}")


def _trouble(claim: Claim, run: Asked) -> str:
    if run.record is None:
        return "not there"
    return "failed" if run.record.status == "failed" else f"without a value: {claim.reason(run.record)}"


def named(names: Sequence[str]) -> str:
    """The first few of them."""
    return ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
