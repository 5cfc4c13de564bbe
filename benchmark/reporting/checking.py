"""Claims against the runs of a folder: a verdict for each in every comparison group, corrected for their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.reporting.claims import GAIN, SHARES, SPREAD, Claim, Unchecked, check_options, sides_of
from benchmark.reporting.comparing import Comparison, against, compare, gains, seed_correlation, spread
from benchmark.reporting.findings import Finding, named, value_of, values_of
from benchmark.reporting.statistics import ERROR, holm
from benchmark.reporting.trends import inverted_u, of_shares
from benchmark.reporting.verdicts import Verdict
from benchmark.store.asked import Asked, asked, unknown
from benchmark.store.record import Record

NO_RUN = "no run has either side"
FIXED = "seeds repeat the metric and the fit, not the data: on other images it may differ"


@dataclass(frozen=True)
class _Draft:
    """A claim in one comparison group, before the others are known."""

    claim: Claim
    where: str
    group: str
    reasons: tuple[str, ...]
    finding: Finding | None = None

    @property
    def p(self) -> float:
        return self.finding.p if self.finding else 1.0


def check(
    records: Sequence[tuple[Path, Record]], claims: Sequence[Claim], manifest: Mapping[str, Any] | None = None
) -> list[Verdict]:
    """A verdict for every claim in every comparison group that has runs of either side, or was to have them.

    Primary claims are judged at Holm's levels, all of them, those that stay unchecked included; the others at 5 %.
    """
    manifest = manifest or {}
    runs = asked(records, manifest)
    check_options(claims, runs)
    lost = unknown(records, manifest)
    why = (f"{len(lost)} planned runs are not there ({named(lost)})",) if lost else ()
    drafts = [draft for claim in claims for draft in _drafts(claim, runs, why, manifest.get("unchecked"))]
    primary = [draft for draft in drafts if draft.claim.primary]
    levels = dict(zip(map(id, primary), holm([draft.p for draft in primary]), strict=True))
    return [_verdict(draft, levels.get(id(draft), ERROR)) for draft in drafts]


def _drafts(claim: Claim, runs: Sequence[Asked], why: tuple[str, ...], size: str | None) -> Iterator[_Draft]:
    groups: dict[str, list[Asked]] = defaultdict(list)
    for run in runs:
        groups[run.group].append(run)
    groups = {name: of for name, of in groups.items() if any(map(claim.concerns, of))}
    for name, of in groups.items():
        yield _draft(claim, name, of, _where(name, runs), why, size)
    if not groups:
        yield _Draft(claim, "-", "", (NO_RUN,))


def _where(group: str, runs: Sequence[Asked]) -> str:
    """The data set's name, or the whole group where the data set has several."""
    dataset = {run.group: run.choices.get("dataset", run.group) for run in runs}
    return dataset[group] if list(dataset.values()).count(dataset[group]) == 1 else group


def _draft(
    claim: Claim, group: str, runs: Sequence[Asked], where: str, why: tuple[str, ...], size: str | None
) -> _Draft:
    try:
        found = _find(claim, runs)
    except Unchecked as error:
        return _Draft(claim, where, group, (*why, str(error)))
    trained = any(run.trained for run in found.used)
    needs = [claim.unchecked, size if trained else None, _unconverged(found.used) if claim.converged else None]
    found = replace(found, notes=(*found.notes, *(_untold(found.used) if claim.converged else ())))
    return _Draft(claim, where, group, (*why, *found.reasons, *filter(None, needs)), found)


def _unconverged(runs: Sequence[Asked]) -> str | None:
    """How many of them had not converged; None where all had, or nobody knows."""
    some = [run.name for run in runs if run.converged is False]
    gain = "still gained 1 % or more of their objective in the last tenth of their steps"
    return f"not converged: {len(some)} of {len(runs)} runs {gain} ({named(some)})" if some else None


def _untold(runs: Sequence[Asked]) -> tuple[str, ...]:
    """Of how many of them nobody knows whether they had converged."""
    some = [run for run in runs if run.slowed]
    why = "their learning rate changed in the last tenth of the steps"
    return (f"whether {len(some)} of {len(runs)} runs had converged cannot be told: {why}",) if some else ()


def _find(claim: Claim, runs: Sequence[Asked]) -> Finding:
    """What the runs of one comparison group say of a claim; Unchecked where they cannot say anything."""
    sides = sides_of(claim, runs)
    if lacking := [name for name, of in sides.items() if not of]:
        raise Unchecked("no such run" if claim.relation in SHARES else f"no run on the {' and '.join(lacking)} side")
    if claim.relation == "inverted_u":
        return inverted_u(claim, list(sides.values()))
    if claim.relation in SHARES:
        return of_shares(claim, sides["runs"])
    return _difference(claim, sides, runs)


def _difference(claim: Claim, sides: Mapping[str, Sequence[Asked]], runs: Sequence[Asked]) -> Finding:
    """What the sides differ by, against the margin; of one side alone, what it differs from a number by."""
    used, found = tuple(run for of in sides.values() for run in of), _compared(claim, sides, runs)
    if np.isnan(found.difference.stderr):
        counts = " and ".join(map(str, dict.fromkeys(found.sizes) if len(sides) == 1 else found.sizes))
        raise Unchecked(f"{counts} seeds are planned, and an interval needs two a side")
    fixed = () if any(run.replicates for run in used) else (FIXED,)
    if claim.relation == "within":
        slack = found.difference.slack(claim.margin)
        said = f"the difference is {found.difference.interval()}"
        return Finding(
            (slack,), 0.0, True, "margin - |difference|", None, found.sample, used, (said, *fixed),
            doubts=_lacking(claim, sides["left"]),
        )  # fmt: skip
    return Finding(
        estimates=(found.difference,),
        bound=claim.margin if claim.relation in ("greater", GAIN, SPREAD) else -claim.margin + 0.0,
        above=claim.relation != "less",
        quantity={GAIN: "difference of gains", SPREAD: "standard deviation"}.get(claim.relation, "difference"),
        unit=None,
        sample=found.sample,
        used=used,
        notes=fixed,
        doubts=_lacking(claim, sides["left"]),
    )


def _lacking(claim: Claim, left: Sequence[Asked]) -> tuple[str, ...]:
    """What the left side needs and has not, on average over its runs."""
    found = []
    for metric, least in claim.needs.items():
        values = _needed(claim, metric, left)
        if not values or np.mean(values) < least:
            has = f"has {np.mean(values):.4g}" if values else "does not say what it has"
            found.append(f"the left side needs {metric} of at least {least:g} and {has}")
    return tuple(found)


def _needed(claim: Claim, metric: str, left: Sequence[Asked]) -> list[float]:
    """Another score of each run, of the claim's representation or of the only one that it has; none if a run has none.

    It is over all factors and the most labels, whichever the claim speaks of.
    """
    for representation in dict.fromkeys((claim.representation, None)):
        other = replace(claim, metric=metric, representation=representation, factor=None, num_labels="max")
        with suppress(Unchecked):
            found = [value_of(other, run) for run in left]
            if None not in found:
                return [value for value in found if value is not None]
    return []


def _compared(claim: Claim, sides: Mapping[str, Sequence[Asked]], runs: Sequence[Asked]) -> Comparison:
    """The seeds of a reference have nothing in common with those of another run."""
    values = [values_of(claim, side) for side in sides.values()]
    if claim.relation == SPREAD:
        return spread(values[0])
    if len(values) == 1:
        return against(values[0], claim.against or 0.0)
    alike = all(run.trained for side in sides.values() for run in side)
    compared = {side[0].configuration for side in sides.values()}
    elsewhere = seed_correlation(_others(claim, compared, runs) if alike else {})
    if claim.relation == GAIN:
        return gains(values[0], values[1], values[2], values[3], alike)
    return compare(values[0], values[1], elsewhere, alike)


def _others(claim: Claim, compared: set[str], runs: Sequence[Asked]) -> dict[str, dict[int, float]]:
    """configuration -> seed -> value of the trained runs that are not compared."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for run in runs:
        if run.trained and run.configuration not in compared and (value := value_of(claim, run)) is not None:
            found[run.configuration][run.seed] = value
    return found


def _verdict(draft: _Draft, level: float) -> Verdict:
    claim, found = draft.claim, draft.finding
    if found is None:
        note = "; ".join(draft.reasons)
        return Verdict(claim.text, draft.where, "unchecked", claim.primary, note=note, group=draft.group)
    outcome, interval = found.outcome(level), found.estimates[0].interval(1 - level)
    reasons = (*draft.reasons, *(found.doubts if outcome == "held" else ()))
    unit = _unit(claim, found.used) if found.unit is None else found.unit
    return Verdict(
        claim.text, draft.where, "unchecked" if reasons else outcome, claim.primary, found.quantity,
        interval.mean, interval.low, interval.high, 1 - level, found.p, found.bound, unit, interval.n, found.sample,
        "; ".join((*(reasons or _says(found, outcome)), *found.notes)), draft.group,
    )  # fmt: skip


def _says(found: Finding, outcome: str) -> tuple[str, ...]:
    """Where the interval lies, if not where the claim says."""
    if outcome == "undecided":
        return (f"the interval includes {found.bound:g}",)
    side = "below" if found.above else "above"
    return (f"the whole interval is {side} {found.bound:g}",) if outcome == "contradicted" else ()


def _unit(claim: Claim, runs: Sequence[Asked]) -> str:
    scores = (score for run in runs if run.record for score in run.record.scores)
    return next((score.unit for score in scores if score.name == claim.metric), "")
