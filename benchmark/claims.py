"""Claims, each held against an interval over seeds in its comparison group, in the unit of its metric."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmark.record import Record
from benchmark.statistics import Interval, paired
from benchmark.trends import TRENDS, Finding, Unchecked
from metrics.core import Score

RELATIONS = ("less", "greater", "not_less", *TRENDS)
CHOICES = ("dataset", "model", "objective", "trainer", "experiment")
OPTIONS = ("dataset.", "model.", "objective.", "trainer.")
Side = Mapping[str, Any]
Records = Sequence[tuple[Path, Record]]


@dataclass(frozen=True)
class Claim:
    """Metric(left) - Metric(right) is `relation` than zero by more than `margin`, or not less by more than it.

    A relation of TRENDS has no sides: it is about all trained runs that `runs` selects.
    """

    text: str
    metric: str
    relation: str  # one of RELATIONS
    left: Side = field(default_factory=dict)
    right: Side = field(default_factory=dict)
    runs: Side = field(default_factory=dict)
    representation: str | None = None
    num_labels: int | str = "max"
    factor: str | None = None  # None: the mean over factors
    margin: float = 0.0

    @property
    def sides(self) -> tuple[Side, ...]:
        """What selects its runs."""
        return (self.runs,) if self.relation in TRENDS else (self.left, self.right)

    def concerns(self, record: Record) -> bool:
        """True for a run that the claim speaks of."""
        trained = self.relation not in TRENDS or not record.reference
        return trained and any(selects(side, record) for side in self.sides)

    def value(self, record: Record) -> float | None:
        """The claim's metric in a record; None where it has none or a null one."""
        found = _value(self, record)
        return found if found is not None and math.isfinite(found) else None


@dataclass(frozen=True)
class Verdict:
    """One claim in one comparison group: held, or not held and why."""

    text: str
    where: str
    held: bool
    n: int = 0
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    margin: float = 0.0
    note: str = ""
    quantity: str = "difference"  # what `difference` is: a curvature or a share of variance for the relations of TRENDS
    group: str = field(default="", compare=False)

    def evidence(self) -> str:
        """Difference, interval and n in words."""
        if self.difference is None:
            return self.note
        numbers = f"{self.quantity} {self.difference:.3g} [{self.low:.3g}, {self.high:.3g}]"
        margin = f" (margin {self.margin:g})" if self.margin else ""
        note = f"; {self.note}" if self.note else ""
        return f"{' '.join(filter(None, (numbers, self.unit)))}, n={self.n}{margin}{note}"

    def line(self, width: int = 0) -> str:
        """One line for the terminal, `width` wide in its second column."""
        return f"{'held' if self.held else 'not held':<10}{self.where:<{width}}  {self.text}: {self.evidence()}"


def parse_claims(claims: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """Claims from YAML; a misspelt or missing key, relation or side is a ValueError that names it."""
    return [_parse(claim) for claim in claims]


def _parse(claim: Mapping[str, Any]) -> Claim:
    name = f"claim {claim.get('text', claim)!r}"
    known = tuple(Claim.__dataclass_fields__)
    if unknown := sorted(set(claim) - set(known)):
        raise ValueError(f"{name} has the unknown key {unknown[0]!r}; choose from {', '.join(known)}")
    sides = () if claim.get("relation") in TRENDS else ("left", "right")
    if lacking := [key for key in (*known[:3], *sides) if key not in claim]:
        raise ValueError(f"{name} lacks the key {lacking[0]!r}")
    if claim["relation"] not in RELATIONS:
        raise ValueError(f"{name} has the relation {claim['relation']!r}; choose from {', '.join(RELATIONS)}")
    if misplaced := [key for key in ("left", "right", "runs") if key in claim and (key == "runs") == bool(sides)]:
        raise ValueError(f"{name} has {misplaced[0]!r}, which does not go with relation {claim['relation']!r}")
    if not claim.get("margin", 0.0) >= 0:
        raise ValueError(f"{name} has the margin {claim['margin']!r}; it must be at least 0")
    for key in (key for side in ("left", "right", "runs") for key in claim.get(side, {})):
        if key not in CHOICES and not key.startswith(OPTIONS):
            raise ValueError(f"{name} selects runs by {key!r}; choose from {', '.join(CHOICES)} or objective.<option>")
    return Claim(**claim)


def check(records: Records, claims: Sequence[Claim]) -> list[Verdict]:
    """A verdict for every claim in every comparison group that has runs of either side."""
    finished = [record for _, record in records if record.status == "finished"]
    for claim in claims:
        for side in claim.sides:
            _check_options(claim, side, [record for _, record in records])
    return [verdict for claim in claims for verdict in _verdicts(claim, finished)]


def _check_options(claim: Claim, side: Side, records: Sequence[Record]) -> None:
    """An option that none of the chosen runs knows is misspelt; with no such run at all it is only unchecked."""
    chosen = [r for r in records if all(r.choices.get(k) == v for k, v in side.items() if k in CHOICES)]
    for key in side:
        if key not in CHOICES and chosen and all(_option(record, key) is _ABSENT for record in chosen):
            raise ValueError(f"claim {claim.text!r} selects runs by {key!r}, which is an option of none of them")


_ABSENT = object()


def _option(record: Record, key: str) -> Any:
    value: Any = record.config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def selects(side: Side, record: Record) -> bool:
    """True if the record has every choice and option that the side names."""
    return all((record.choices.get(k) if k in CHOICES else _option(record, k)) == v for k, v in side.items())


def _verdicts(claim: Claim, records: Sequence[Record]) -> Iterator[Verdict]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if claim.concerns(record):
            groups[record.group].append(record)
    for group, members in groups.items():
        yield _verdict(claim, group, members, _where(group, records))
    if not groups:
        yield Verdict(claim.text, "-", False, note="cannot be checked: n=0, no run has either side")


def _where(group: str, records: Sequence[Record]) -> str:
    """The data set's name, or the whole group where the data set has several."""
    dataset = {record.group: record.choices.get("dataset", record.group) for record in records}
    return dataset[group] if list(dataset.values()).count(dataset[group]) == 1 else group


def _verdict(claim: Claim, group: str, members: Sequence[Record], where: str) -> Verdict:
    try:
        found = TRENDS.get(claim.relation, _compare)(claim, members)
    except Unchecked as error:
        return Verdict(claim.text, where, False, note=f"cannot be checked: {error}", group=group)
    own = next(score.unit for record in members for score in record.scores if score.name == claim.metric)
    unit, interval = own if found.unit is None else found.unit, found.interval
    numbers = (interval.n, interval.mean, interval.low, interval.high)
    return Verdict(claim.text, where, found.held, *numbers, unit, claim.margin, found.note, found.quantity, group)


def _compare(claim: Claim, members: Sequence[Record]) -> Finding:
    left, right = (_by_seed(claim, side, members) for side in claim.sides)
    difference = paired(left, right)
    if difference.n < 2:
        raise Unchecked(f"n={difference.n}, {_shortage(left, right)}")
    return Finding(difference, *_decide(claim, difference), "difference", None)


def _shortage(left: Mapping[int, float], right: Mapping[int, float]) -> str:
    sides = [name for name, values in (("left", left), ("right", right)) if not values]
    return f"no run on the {' and '.join(sides)}" if sides else "an interval needs two seeds that both sides have"


def _decide(claim: Claim, d: Interval) -> tuple[bool, str]:
    bound = {"less": -claim.margin, "greater": claim.margin, "not_less": -claim.margin}[
        claim.relation
    ] + 0.0  # never -0
    if claim.relation == "less":
        held, contradicted = d.high < bound, d.low > bound
    else:
        held, contradicted = d.low > bound, d.high < bound
    opposite = f"the whole interval is {'above' if claim.relation == 'less' else 'below'} {bound:g}"
    return held, "" if held else opposite if contradicted else f"interval includes {bound:g}"


def _by_seed(claim: Claim, side: Side, members: Sequence[Record]) -> dict[int, float]:
    """seed -> the metric, averaged over the side's runs of that seed; null values are left out."""
    values: dict[int, list[float]] = defaultdict(list)
    for record in members:
        value = claim.value(record) if selects(side, record) else None
        if value is not None:
            values[int(record.config["seed"])].append(value)
    return {seed: fmean(several) for seed, several in values.items()}


def _value(claim: Claim, record: Record) -> float | None:
    found = [s for s in record.scores if (s.name, s.factor) == (claim.metric, claim.factor)]
    if claim.representation is not None:
        found = [score for score in found if score.representation == claim.representation]
    elif len(codes := {str(score.representation) for score in found}) > 1:
        raise Unchecked(f"n=0, the claim must name its representation ({', '.join(sorted(codes))})")
    return _at_budget(claim.num_labels, found)


def _at_budget(num_labels: int | str | None, scores: Sequence[Score]) -> float | None:
    if num_labels in ("max", None):
        return max(scores, key=lambda score: score.num_labels or 0).value if scores else None
    return next((score.value for score in scores if score.num_labels == num_labels), None)


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What claims.json holds."""
    return {"held": sum(verdict.held for verdict in verdicts), "claims": [asdict(verdict) for verdict in verdicts]}
