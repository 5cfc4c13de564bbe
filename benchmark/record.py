"""One run, one JSON: records are written whole or not at all, and read back only if nobody changed them."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from metrics.core import Score

SCHEMA = 1
FILE = "record.json"
MANIFEST = "experiment.json"


class RecordError(ValueError):
    """A record that cannot be trusted: damaged, edited, or of another schema."""


@dataclass(frozen=True)
class Record:
    """All that is known about one run: what was chosen, what was measured, and where it comes from."""

    status: Literal["finished", "failed"]
    choices: Mapping[str, str]  # the chosen name in every group: dataset, model, objective, trainer, experiment
    config: Mapping[str, Any]  # the run's identity, and metrics, evaluation_seed, scores (their version)
    scores: tuple[Score, ...] = ()
    group: str = ""  # comparison group: likelihoods of two groups never share a table or a plane
    left_out: Mapping[str, str] = field(default_factory=dict)  # selector -> why metrics=auto left it out
    error: Mapping[str, str] | None = None  # type, message, traceback of a run that failed
    provenance: Mapping[str, Any] = field(default_factory=dict)  # commit, versions, threads, device, times, data source
    schema: int = SCHEMA

    @property
    def reference(self) -> bool:
        """True for rows that nothing was trained for: untrained, pca, truth, noise."""
        return self.config.get("objective") is None

    @property
    def configuration(self) -> str:
        """A name that runs share which differ in their seed (and metrics) alone."""
        parts = ("dataset", "model", "objective", "trainer", "data_checksum", "numbers")
        return digest({part: self.config.get(part) for part in parts})

    def score(self, name: str, representation: str | None = None, factor: str | None = None) -> Score:
        """The first score of that name; KeyError lists the names there are."""
        for score in self.scores:
            if (score.name, score.representation, score.factor) == (name, representation, factor):
                return score
        raise KeyError(f"no score {name!r} (representation={representation}); there are {sorted(self.names())}")

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


def digest(content: Mapping[str, Any]) -> str:
    """sha256 of a JSON value in canonical form (sorted keys, no spaces)."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def write_atomically(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a temporary file beside `path`, flush it to disk, rename it: readers see the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically; NaN and infinity are refused, for JSON has neither."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def write_record(folder: Path, record: Record) -> Path:
    """Write `folder`/record.json with a digest of its content."""
    content = asdict(record)
    write_json(folder / FILE, {**content, "digest": digest(json.loads(json.dumps(content)))})
    return folder / FILE


def read_record(folder: Path) -> Record:
    """Read and verify `folder`/record.json; RecordError says what is wrong with it and what to do."""
    path = folder / FILE
    remedy = "delete the run's folder, or repeat the run with force=true"
    try:
        content = json.loads(path.read_text())
        stated = content.pop("digest")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, AttributeError, TypeError) as error:
        raise RecordError(f"{path} is not a record ({error}); {remedy}") from error
    if digest(content) != stated:
        raise RecordError(f"{path} was changed after it was written (its digest does not match); {remedy}")
    if content.get("schema") != SCHEMA:
        raise RecordError(f"{path} has schema {content.get('schema')}, this version reads {SCHEMA}; {remedy}")
    try:
        return Record(**{**content, "scores": tuple(Score(**score) for score in content["scores"])})
    except (TypeError, KeyError) as error:
        raise RecordError(f"{path} lacks or has unknown fields ({error}); {remedy}") from error


def run_folders(experiment: Path) -> Iterator[Path]:
    """The folders of `experiment`/runs that hold a record, in order of name."""
    yield from sorted(path.parent for path in (experiment / "runs").glob(f"*/{FILE}"))


def read_folder(experiment: Path) -> tuple[list[tuple[Path, Record]], dict[str, str]]:
    """The records that can be trusted, and folder name -> what is wrong with each of the others.

    A folder without one trusted record is a ValueError.
    """
    records, damaged = [], {}
    for run in run_folders(experiment):
        try:
            records.append((run, read_record(run)))
        except RecordError as error:
            damaged[run.name] = str(error).split("\n")[0].replace(f"{experiment}/", "")
    if not records:
        what = f"has only damaged records ({len(damaged)})" if damaged else f"holds no records (runs/*/{FILE})"
        what = what if experiment.is_dir() else "does not exist"
        remedy = "run `python -m benchmark experiment=<name>` first, or name a folder such as results/<experiment>"
        raise ValueError(f"{experiment} {what}; {remedy}")
    return records, damaged


def read_manifest(experiment: Path) -> dict[str, Any]:
    """What the experiment asked for, or nothing for a folder of single runs."""
    path = experiment / MANIFEST
    try:
        return dict(json.loads(path.read_text())) if path.exists() else {}
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"{path} is not a JSON object ({error}); delete it, or start the experiment again") from error
