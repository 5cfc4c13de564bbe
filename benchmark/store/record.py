"""One run, one JSON: records are written whole or not at all, and read back only if nobody changed them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Interval
from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter

from benchmark.store.documents import (
    Damaged,
    canonical,
    checked,
    contents,
    digest,
    parsed,
    sealed,
    set_aside,
    uncollected,
    verified,
)
from benchmark.store.files import write_text
from benchmark.store.groups import HEADS, OPTIONED, SECOND
from metrics.core import AMORTISED, Score, Split

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
FILE = "record.json"
OURS = f',"schema":{SCHEMA},"scores":['.encode()  # stands in the canonical form of every record of this schema
# keys of a record's configuration that are no part of its identity
MEASURED = ("metrics", "readouts", "evaluation_seed", "scores")
GREATEST = 1e100  # of a score: its square and its fourth power are still numbers
Whole = Annotated[int, Interval(ge=0, lt=2**63)]


class _Readout(BaseModel, strict=True):
    readout: dict[str, Any]
    metrics: dict[str, dict[str, Any]]


class _Configuration(BaseModel, extra="allow", strict=True):
    """What readers of a record rely on in its configuration."""

    dataset: dict[str, Any]
    model: dict[str, Any]
    objective: dict[str, Any] | None
    trainer: dict[str, Any] | None
    metrics: dict[str, dict[str, Any]]  # of the encoder's own readout
    readouts: dict[str, _Readout] = {}  # of the others
    seed: Whole
    evaluation_seed: Whole
    data_checksum: str = ""
    numbers: Whole = 1
    scores: Whole = 1


class _Choices(BaseModel, extra="allow", strict=True):
    dataset: str
    model: str
    objective: str
    trainer: str
    experiment: str


class _Provenance(BaseModel, extra="allow", strict=True):
    """What readers of a record rely on in its origin."""

    commit: str | None = None
    dirty: bool | None = None
    versions: dict[str, str] = {}
    seconds: dict[str, float] = {}
    shape: list[Whole] = []  # of an example
    packages: dict[str, dict[str, str]] = {}  # of the user's: name -> version, sha256


def _like(kind: type[BaseModel]) -> AfterValidator:
    """Checks a mapping, and leaves it as it is."""

    def check(content: dict[str, Any]) -> dict[str, Any]:
        kind.model_validate(content)
        return content

    return AfterValidator(check)


def _drawable(scores: tuple[Score, ...]) -> tuple[Score, ...]:
    """Numbers that tables and figures can do arithmetic with."""
    for score in scores:
        if abs(score.value or 0.0) > GREATEST or abs(score.stderr or 0.0) > GREATEST:
            raise ValueError(f"{score.name} is greater than {GREATEST:g}")
        if not 0 <= (score.num_labels or 0) < 2**63:
            raise ValueError(f"{score.name} has {score.num_labels} labels")
    return scores


def _distinction(score: Score) -> str:
    """What tells a score from others of its name."""
    parts = {key: getattr(score, key) for key in ("readout", "representation", "factor", "num_labels")}
    if score.readout == AMORTISED:
        del parts["readout"]
    return ", ".join(f"{key}={value}" for key, value in parts.items() if value is not None) or "no more to say"


def of_readout(scores: Sequence[Score], readout: str | None, representation: str | None = None) -> list[Score]:
    """The scores of a readout; of None those of the encoder's own, or of whichever has that view of the codes."""
    if readout is None and representation is not None:
        return list(scores)
    return [score for score in scores if score.readout == (readout or AMORTISED)]


@dataclass(frozen=True)
class Record:
    """All that is known about one run: what was chosen, what was measured, and where it comes from."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)

    status: Literal["finished", "failed"]
    # the chosen name in every group: dataset, model, objective, trainer, experiment
    choices: Annotated[Mapping[str, str], _like(_Choices)]
    # the run's identity, and metrics, readouts (see store.measured), evaluation_seed, scores (their version)
    config: Annotated[Mapping[str, Any], _like(_Configuration)]
    scores: Annotated[tuple[Score, ...], AfterValidator(_drawable)] = ()
    group: str = ""  # comparison group: likelihoods of two groups never share a table or a plane
    left_out: Mapping[str, str] = field(default_factory=dict)  # selector, or selector[readout] -> why it was left out
    error: Mapping[str, str] | None = None  # type, message, traceback of a run that failed
    # commit, versions, packages of the user's, threads, device, times, data source
    provenance: Annotated[Mapping[str, Any], _like(_Provenance)] = field(default_factory=dict)
    schema: int = SCHEMA
    # of the validation split, which settings were chosen by: apart, for whatever shows scores is to show those of test
    validation: Annotated[tuple[Score, ...], AfterValidator(_drawable)] = ()

    @property
    def reference(self) -> bool:
        """True for rows that nothing was trained for: untrained, pca, truth, noise."""
        return self.config.get("objective") is None

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this run and no other; how it was measured is not part of it."""
        return {key: value for key, value in self.config.items() if key not in MEASURED}

    @property
    def configuration(self) -> str:
        """A name that runs share which differ in their seed (and metrics) alone."""
        # heads are there only where one is not what every model once had, and few runs have a second objective
        parts = [*OPTIONED, "data_checksum", "numbers"]
        there = [part for part in parts if part in self.config or part not in (*HEADS, SECOND)]
        return digest({part: self.config.get(part) for part in there})

    def score(
        self,
        name: str,
        representation: str | None = None,
        factor: str | None = None,
        num_labels: int | None = None,
        readout: str | None = None,
        split: Split = "test",
    ) -> Score:
        """The one score of that name; `factor` None is the mean over factors, `readout` None the encoder's own, unless
        the representation is another's.

        KeyError lists what there is to choose from where several scores fit, or none.
        """
        asked = {"representation": representation, "num_labels": num_labels}
        named = [score for score in (self.scores if split == "test" else self.validation) if score.name == name]
        found = of_readout([score for score in named if score.factor == factor], readout, representation)
        for key, value in asked.items():
            found = [score for score in found if value is None or getattr(score, key) == value]
        if len(found) == 1:
            return found[0]
        if not named:
            raise KeyError(f"no score {name!r}; there are {', '.join(sorted(self.names()))}")
        there = "; ".join(dict.fromkeys(_distinction(score) for score in found or named))
        raise KeyError(f"{len(found)} scores {name!r} fit; there are those with {there}")

    def to_frame(self) -> pd.DataFrame:
        """A row per score."""
        import pandas as pd

        return pd.DataFrame([asdict(score) for score in self.scores])

    def _repr_html_(self) -> str:
        """What notebooks show: the choices, and the scores over all factors or the error."""
        import html

        head = html.escape(", ".join(f"{key}={name}" for key, name in self.choices.items()))
        if self.status != "finished":
            return f"<p>{head}</p><p><b>failed</b>: {html.escape(self.error_line)}</p>"
        frame = self.to_frame()
        columns = ["name", "readout", "representation", "num_labels", "value", "stderr", "unit", "reason"]
        rows = frame[frame["factor"].isna()][columns] if len(frame) else frame
        return f"<p>{head}</p>{rows.to_html(index=False, na_rep='')}"

    def names(self) -> set[str]:
        """The names of the scores in this record."""
        return {score.name for score in self.scores}

    @property
    def error_line(self) -> str:
        """The first line of what stopped a failed run; "" for a finished one."""
        if not self.error:
            return ""
        message = self.error.get("message", "").strip().split("\n")[0]
        return f"{self.error.get('type', 'Error')}: {message}"


def write_record(folder: Path, record: Record) -> Path:
    """Write `folder`/record.json with a digest of its content; Damaged where nobody could read it back."""
    content = json.loads(json.dumps(asdict(record)))
    checked(_record().validate_json, canonical(content))
    write_text(folder / FILE, sealed(content))
    return folder / FILE


def read_record(folder: Path) -> Record:
    """Read and verify `folder`/record.json; Damaged says what is wrong, FileNotFoundError that there is none."""
    text = verified(contents(folder / FILE))
    if OURS not in text and (schema := parsed(text).get("schema")) != SCHEMA:
        found = json.dumps(schema)[:60]  # a damaged one may hold line breaks
        raise Damaged(f"has schema {found}, this version reads {SCHEMA}")
    return checked(_record().validate_json, text)


@functools.cache
def _record() -> TypeAdapter[Record]:
    return TypeAdapter(Record)


def known_record(folder: Path) -> Record | None:
    """The record of a run, or None where there is none that can be trusted."""
    try:
        return read_record(folder)
    except (FileNotFoundError, Damaged):
        return None


def make_way(folder: Path) -> str:
    """Set a damaged record aside; returns what was wrong with it, "" for a sound one or none."""
    try:
        read_record(folder)
    except FileNotFoundError:
        return ""
    except Damaged as error:
        return f"{FILE} {error}; it is kept as {set_aside(folder / FILE)}"
    return ""


def read_folder(experiment: Path) -> tuple[list[tuple[Path, Record]], dict[str, str]]:
    """The records that can be trusted, and folder name -> what is wrong with each of the others, in order of name.

    A folder without one trusted record is a ValueError.
    """
    records, damaged = [], {}
    with uncollected():
        for run in _folders(experiment / "runs"):
            try:
                records.append((run, read_record(run)))
            except FileNotFoundError:
                continue
            except Damaged as error:
                damaged[run.name] = f"{FILE} {error}"
    if not records:
        what = f"holds no records (runs/*/{FILE})" if experiment.is_dir() else "does not exist"
        if damaged:
            name, why = next(iter(damaged.items()))
            what = f"has only damaged records ({len(damaged)}, the first: runs/{name}: {why})"
        remedy = "run `python -m benchmark experiment=<name>` first, or name a folder such as results/<experiment>"
        raise ValueError(f"{experiment} {what}; {remedy}")
    return records, damaged


def _folders(runs: Path) -> list[Path]:
    try:
        return sorted(path for path in runs.iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise ValueError(f"{runs} cannot be read ({error.strerror})") from error
