"""history.csv, which grows while a training goes on, and what it says of it: whether it had converged. Nats."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.store.files import write_text, writing

FILE = "history.csv"
_COLUMNS = ("step", "learning_rate", "validation_objective")
LAST, GAIN = 0.1, 0.01  # the share of the steps that is looked at, and the relative gain that it may still bring


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write history.csv whole, with the names of its columns; what is None is empty."""
    write_text(folder / FILE, ",".join(rows[0]) + "\n" + _lines(rows))


def append_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows to history.csv, on disk when this returns."""
    with writing(folder / FILE), open(folder / FILE, "a", newline="") as file:
        file.write(_lines(rows))
        file.flush()
        os.fsync(file.fileno())


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(",".join("" if value is None else str(value) for value in row.values()) + "\n" for row in rows)


def converged(folder: Path) -> bool | None:
    """Whether the training in a run's folder had converged; None where its history is not there or cannot say."""
    return has_converged(_last_phase(folder))


def slowed(folder: Path) -> bool:
    """Whether that cannot be said because the learning rate changed in the last tenth of the steps."""
    return _changed(_late(_last_phase(folder)))


def progress(folder: Path) -> list[tuple[float, float]]:
    """(step, objective on validation images in nats) of the last phase of a training, what is finite of it."""
    rows = [(row["step"], row["validation_objective"]) for row in _last_phase(folder)]
    return [row for row in rows if math.isfinite(row[1])]


def _last_phase(folder: Path) -> list[dict[str, float]]:
    """The rows of the last phase of a training; none where there is no history that can be read."""
    try:
        with open(folder / FILE, newline="") as file:
            read = list(csv.DictReader(file))
            rows = [{**{key: float(row[key]) for key in _COLUMNS}, "phase": float(row.get("phase", 1))} for row in read]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []
    return [row for row in rows if row["phase"] == rows[-1]["phase"]]


def kept_on_validation(folder: Path) -> tuple[float, float] | None:
    """Rate and distortion on validation examples of the weights that a run kept; None where its history says neither.

    What settings are chosen by, so that the test split stays unseen.
    """
    try:
        with open(folder / FILE, newline="") as file:
            kept = [row for row in csv.DictReader(file) if row.get("kept") == "True"]
        found = float(kept[-1]["validation_rate"]), float(kept[-1]["validation_distortion"])
    except (OSError, ValueError, KeyError, TypeError, IndexError, csv.Error):
        return None
    return found if all(map(math.isfinite, found)) else None


def has_converged(rows: Sequence[Mapping[str, float]]) -> bool | None:
    """Whether the objective on validation images gained less than 1 % over the last tenth of the steps.

    The gain is relative to the size of the last value. Looked at are the last row and the latest one that is a tenth of
    the steps or more before it. None where there is no such row after the first, or the learning rate changed
    meanwhile, for a rate that falls to zero stops any training.
    """
    late = _late(rows)
    values = [row["validation_objective"] for row in (*late[-1:], *late[:1])]
    if not late or not all(map(math.isfinite, values)) or _changed(late):
        return None
    return values[0] - values[1] < GAIN * abs(values[0])


def _late(rows: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """From the latest row that is a tenth of the steps or more before the last one; none where that is the first."""
    before = [row["step"] for row in rows[1:-1] if row["step"] <= (1 - LAST) * rows[-1]["step"] + 1e-9]
    return [row for row in rows if row["step"] >= before[-1]] if before else []


def _changed(rows: Sequence[Mapping[str, float]]) -> bool:
    return len({row["learning_rate"] for row in rows}) > 1
