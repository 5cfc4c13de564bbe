"""Numbers that papers report, from results/published/*.csv, and which of our runs each one stands beside."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.store.selection import selects
from metrics.core import AMORTISED

if TYPE_CHECKING:
    from benchmark.store.record import Record
    from metrics.core import Score

GRADES = ("P", "C", "S")  # read in the paper, in the authors' own code, in a named secondary source


@dataclass(frozen=True)
class Published:
    """One number of one paper in the unit of our score: `times` turns percent into shares, NLL into a bound."""

    paper: str
    year: str
    source: str  # table, figure, notebook, or who quotes it
    grade: str  # one of GRADES
    dataset: str  # in the paper's words
    method: str
    runs: Mapping[str, Sequence[Any]]  # choice or option -> what our runs have there; empty: we have no such method
    metric: str
    representation: str
    value: float
    error: float | None
    error_kind: str  # of the numbers of this table
    num_runs: str
    protocol: str

    def is_of(self, record: Record) -> bool:
        """True for a run of ours that did the same."""
        sides = ([{key: value} for value in values] for key, values in self.runs.items())
        return bool(self.runs) and all(any(selects(side, record) for side in each) for each in sides)

    def measures(self, score: Score) -> bool:
        """True for the same quantity, mean over factors; of bounds L_K any K, for the note says whose K it is."""
        same = _family(score.name) == _family(self.metric) and (score.representation or "") == self.representation
        return same and score.factor is None and score.num_labels is None and score.readout == AMORTISED

    @property
    def reference(self) -> str:
        """Who says so, where, and how we know."""
        return f"{self.paper}{f' ({self.year})' if self.year else ''}, {self.source} [{self.grade}]"

    @property
    def note(self) -> str:
        """What a reader must know before comparing it with ours."""
        error = f"; ±: {self.error_kind}" if self.error_kind else ""
        runs = f", {self.num_runs} runs" if self.num_runs else ""
        return f"{self.reference}: {self.metric} of {self.dataset}{runs}{error}; {self.protocol}"

    @property
    def text(self) -> str:
        """The number as tables show it."""
        return number(self.value, self.error)


def number(value: float, error: float | None) -> str:
    """As many digits as were printed; an error is in brackets, for it is no interval of ours."""
    return f"{value:.5g}" + (f" (± {error:.2g})" if error is not None and error == error else "")


def names() -> list[str]:
    """The files there are, without their ending."""
    return sorted(path.name.removesuffix(".csv") for path in _folder().iterdir() if path.name.endswith(".csv"))


def read(name: str | None) -> list[Published]:
    """The rows of results/published/<name>.csv; none for no name, ValueError for one that is not there."""
    if not name:
        return []
    if name not in names():
        raise ValueError(f"published={name}: results/published has no such file; there are {', '.join(names())}")
    return [_row(row) for row in csv.DictReader(_folder().joinpath(f"{name}.csv").read_text().splitlines())]


def state() -> dict[str, str]:
    """The text of every file of numbers."""
    return {name: _folder().joinpath(f"{name}.csv").read_text() for name in names()}


def _folder() -> Any:
    """A wheel brings the numbers inside conf; a clone has them where people look for them."""
    inside = files("conf") / "published"
    return inside if inside.is_dir() else Path(str(files("conf"))).parent / "results" / "published"


def _row(row: Mapping[str, str]) -> Published:
    times = float(row["times"])
    numbers = {"value": _scaled(row["value"], times), "error": _scaled(row["error"], abs(times))}
    rest = {key: text for key, text in row.items() if key not in ("times", "runs", "value", "error")}
    return Published(runs=_selection(row["runs"]), **numbers, **rest)  # type: ignore[arg-type]


def _scaled(text: str, times: float) -> float | None:
    return round(float(text) * times, 8) if text else None


def _selection(text: str) -> dict[str, list[Any]]:
    """ "objective=beta_vae objective.beta=1,4" as {"objective": ["beta_vae"], "objective.beta": [1, 4]}."""
    pairs = (part.partition("=") for part in text.split())
    return {key: [_value(value) for value in values.split(",")] for key, _, values in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _family(metric: str) -> str:
    return re.sub(r"^iwae(_\d+)?$", "iwae", metric)
