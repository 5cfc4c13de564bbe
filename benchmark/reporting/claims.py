"""Claims as a study states them: which runs they speak of and what they say; mistakes are found before a run."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from benchmark.store.record import Record, of_readout
from benchmark.store.selection import CHOICES, Chosen, Side, beta_of, is_key, selects, told_apart, unknown_option
from metrics.declared import declared

if TYPE_CHECKING:
    from benchmark.store.asked import Asked
    from metrics.core import Score

COMPARISONS = ("less", "greater", "not_less", "within")
GAIN, SPREAD = "greater_gain", "spread"
SHARES = ("configuration_over_seed", "seed_over_method")
TRENDS = ("inverted_u", *SHARES)  # about many configurations
RELATIONS = (*COMPARISONS, GAIN, SPREAD, *TRENDS)
SIDES = ("left", "right", "than_left", "than_right", "runs")


class Unchecked(ValueError):
    """Why these runs cannot decide a claim."""


@dataclass(frozen=True)
class Claim:
    """Metric(left) - Metric(right) is `relation` than zero by more than `margin`, or not less by more than it.

    `needs: {own_axes: 3}` says what else the left side has where the claim is held, on average over its runs.
    `within` says that the difference lies within the margin on either side. With `against`, the right side is that
    number. `greater_gain` says that left - right exceeds than_left - than_right by more than the margin, `spread` that
    the standard deviation of the left side over seeds exceeds it. Each side names exactly one configuration. A relation
    of TRENDS has no sides: it is about all trained runs that `runs` selects.
    """

    text: str
    metric: str
    relation: str  # one of RELATIONS
    left: Side = field(default_factory=dict)
    right: Side = field(default_factory=dict)
    than_left: Side = field(default_factory=dict)
    than_right: Side = field(default_factory=dict)
    against: float | None = None  # a number in the place of the right side
    runs: Side = field(default_factory=dict)
    representation: str | None = None
    readout: str | None = None  # None: the encoder's own, or the one that has this representation
    num_labels: int | str = "max"
    factor: str | None = None  # None: the mean over factors
    margin: float = 0.0
    needs: Mapping[str, float] = field(default_factory=dict)  # other score -> what the left side has at least
    from_beta: float = 1.0  # of an inverted U: where it starts; what presses less does not count
    primary: bool = True  # of the family whose errors are held to 5 % together; others are no more than hints
    converged: bool = True  # it speaks of converged training; False: of training as long as it was
    unchecked: str | None = None  # why runs of this size cannot decide it

    @property
    def sides(self) -> dict[str, Side]:
        """What selects its runs."""
        return {name: getattr(self, name) for name in _sides_of(self.relation, self.against is not None)}

    def concerns(self, run: Asked) -> bool:
        """True for a run that the claim speaks of."""
        return any(self.chooses(side, run) for side in self.sides.values())

    def chooses(self, side: Side, run: Asked) -> bool:
        """True for a run of that side."""
        return (run.trained or self.relation not in TRENDS) and selects(side, run)

    def value(self, record: Record) -> float | None:
        """The claim's metric in a record; None where it has none or a null one."""
        found = _score(self, record)
        return found.value if found is not None and found.value is not None and math.isfinite(found.value) else None

    def reason(self, record: Record) -> str:
        """Why a record has no value, if it says so."""
        found = _score(self, record)
        by = f" by readout={self.readout}" if self.readout else ""
        return (found.reason if found is not None else "") or f"no {self.metric}{by}"


def parse_claims(claims: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """Claims from YAML; a misspelt or missing key, relation or side is a ValueError that names it."""
    return [_parse(claim) for claim in claims]


def _parse(claim: Mapping[str, Any]) -> Claim:
    name = f"claim {claim.get('text', claim)!r}"
    known = tuple(one.name for one in fields(Claim))
    if unknown := sorted(set(claim) - set(known)):
        raise ValueError(f"{name} has the unknown key {unknown[0]!r}; choose from {', '.join(known)}")
    needed = [one.name for one in fields(Claim) if one.default is one.default_factory is MISSING]
    needed += [name for name in _sides_of(claim.get("relation"), "against" in claim) if name != "runs"]
    if lacking := [key for key in needed if key not in claim]:
        raise ValueError(f"{name} lacks the key {lacking[0]!r}")
    if claim["relation"] not in RELATIONS:
        raise ValueError(f"{name} has the relation {claim['relation']!r}; choose from {', '.join(RELATIONS)}")
    others = {*SIDES, "against"} - set(_sides_of(claim["relation"], "against" in claim))
    others -= {"against"} if claim["relation"] in COMPARISONS else set()
    others |= {"needs"} if claim["relation"] in TRENDS else set()
    if misplaced := [key for key in sorted(others) if key in claim]:
        raise ValueError(f"{name} has {misplaced[0]!r}, which does not go with relation {claim['relation']!r}")
    _check_values(name, claim)
    return Claim(**claim)


def _sides_of(relation: object, against_value: bool) -> tuple[str, ...]:
    """The sides that a relation has; unknown ones are told apart elsewhere."""
    if relation in TRENDS:
        return ("runs",)
    if relation == GAIN:
        return SIDES[:4]
    return SIDES[:1] if relation == SPREAD or against_value else SIDES[:2]


def _check_values(name: str, claim: Mapping[str, Any]) -> None:
    against = claim.get("against", 0.0)
    if not _is_number(against):
        raise ValueError(f"{name} has against={against!r}; it must be a number")
    if claim["relation"] in ("within", SPREAD) and not claim.get("margin"):
        raise ValueError(f"{name} has no margin, which relation {claim['relation']!r} is about")
    margin = claim.get("margin", 0.0)
    if not _is_number(margin) or margin < 0:
        raise ValueError(f"{name} has the margin {margin!r}; it must be a number of at least 0")
    start = claim.get("from_beta", 1.0)
    if not _is_number(start) or start <= 0:
        raise ValueError(f"{name} has from_beta={start!r}; it must be a number above 0")
    if "from_beta" in claim and claim["relation"] != "inverted_u":
        raise ValueError(f"{name} has 'from_beta', which does not go with relation {claim['relation']!r}")
    needs = claim.get("needs", {})
    if not isinstance(needs, Mapping) or not all(map(_is_number, needs.values())):
        raise ValueError(f"{name} has needs={needs!r}; it must be scores with numbers, such as {{own_axes: 3}}")
    for key in ("primary", "converged"):
        if not isinstance(claim.get(key, True), bool):
            raise ValueError(f"{name} has {key}={claim[key]!r}; it must be true or false")
    for side in SIDES:
        if not isinstance(claim.get(side, {}), Mapping):
            raise ValueError(f"{name} has {side}={claim[side]!r}; it must be a mapping such as {{objective: elbo}}")
        for key in claim.get(side, {}):
            if not is_key(key):
                choose = f"choose from {', '.join(CHOICES)} or objective.<option>"
                raise ValueError(f"{name} selects runs by {key!r}; {choose}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_options(claims: Sequence[Claim], runs: Sequence[Chosen]) -> None:
    """An option that none of the chosen runs knows is misspelt, a ValueError; with no such run it is only unchecked."""
    for claim in claims:
        found = (unknown_option(side, runs) for side in claim.sides.values())
        if (key := next(filter(None, found), None)) is not None:
            raise ValueError(f"claim {claim.text!r} selects runs by {key!r}, which is an option of none of them")


def check_planned(claims: Sequence[Claim], runs: Sequence[Asked]) -> None:
    """ValueError for a claim that the planned runs cannot decide, whatever comes of them: to be said before they start.

    That is a misspelt option or needed score, and a side that is several configurations in one data set. A side
    without any run is no mistake, for a command may run a part of an experiment.
    """
    check_options(claims, runs)
    for claim in claims:
        if unknown := [name for name in claim.needs if declared(name) is None]:
            raise ValueError(f"claim {claim.text!r} needs {unknown[0]!r}, a score that no metric declares")
        for group in {run.group: None for run in runs}:
            try:
                sides_of(claim, [run for run in runs if run.group == group])
            except Unchecked as error:
                raise ValueError(f"claim {claim.text!r}: {error}, or give claims=[]") from None


def sides_of(claim: Claim, runs: Sequence[Asked]) -> dict[str, list[Asked]]:
    """The runs of each side, in order of their seeds; Unchecked where a side is several configurations.

    For an inverted U each beta is a side.
    """
    sides = {name: [run for run in runs if claim.chooses(side, run)] for name, side in claim.sides.items()}
    sides = {name: sorted(of, key=lambda run: run.seed) for name, of in sides.items()}
    if claim.relation == "inverted_u":
        sides = _by_beta(sides["runs"])
    for name, of in sides.items() if claim.relation not in SHARES else ():
        _require_one(name if claim.relation == "inverted_u" else f"the {name} side", of)
    return sides


def _by_beta(runs: Sequence[Asked]) -> dict[str, list[Asked]]:
    found: dict[float, list[Asked]] = defaultdict(list)
    for run in runs:
        if (beta := beta_of(run)) is not None:
            found[beta].append(run)
    return {f"beta = {beta:g}": found[beta] for beta in sorted(found)}


def _require_one(side: str, runs: Sequence[Asked]) -> None:
    """Unchecked unless the runs are of one configuration and each has a seed of its own."""
    configurations = {run.configuration: run for run in runs}
    if len(configurations) > 1:
        names = told_apart(list(configurations.values()))
        shown = "; ".join(names[:6]) + ("; ..." if len(names) > 6 else "")
        remedy = "name the option that tells them apart"
        raise Unchecked(f"{side} is {len(names)} configurations, not one ({shown}); {remedy}")
    by_seed: dict[int, list[str]] = defaultdict(list)
    for run in runs:
        by_seed[run.seed].append(run.name)
    if several := next((names for names in by_seed.values() if len(names) > 1), None):
        raise Unchecked(f"{side} has several runs of one seed ({', '.join(several[:3])})")


def _score(claim: Claim, record: Record) -> Score | None:
    found = [s for s in record.scores if (s.name, s.factor) == (claim.metric, claim.factor)]
    found = of_readout(found, claim.readout, claim.representation)
    if claim.representation is not None:
        found = [score for score in found if score.representation == claim.representation]
    elif len(codes := {str(score.representation) for score in found}) > 1:
        raise Unchecked(f"the claim must name its representation ({', '.join(sorted(codes))})")
    if len(readouts := {score.readout for score in found}) > 1:
        raise Unchecked(f"the claim must name its readout ({', '.join(sorted(readouts))})")
    if claim.num_labels in ("max", None):
        return max(found, key=lambda score: score.num_labels or 0) if found else None
    return next((score for score in found if score.num_labels == claim.num_labels), None)
