"""What history.csv says of a training: whether it had converged. Values in nats per example."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

FILE = "history.csv"
_COLUMNS = ("step", "learning_rate", "validation_objective")
LAST, GAIN = 0.1, 0.01  # the share of the steps that is looked at, and the relative gain that it may still bring


def converged(folder: Path) -> bool | None:
    """Whether the training in a run's folder had converged; None where its history is not there or cannot say."""
    try:
        with open(folder / FILE, newline="") as file:
            rows = [{key: float(row[key]) for key in _COLUMNS} for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return None
    return has_converged(rows)


def has_converged(rows: Sequence[Mapping[str, float]]) -> bool | None:
    """Whether the objective on validation images gained less than 1 % over the last tenth of the steps.

    The gain is relative to the size of the last value. Looked at are the last row and the latest one that is a tenth of
    the steps or more before it. None where there is no such row after the first, or the learning rate changed
    meanwhile, for a rate that falls to zero stops any training.
    """
    if len(rows) < 3:
        return None
    last = rows[-1]
    before = [row for row in rows[1:-1] if row["step"] <= (1 - LAST) * last["step"] + 1e-9]
    if not before:
        return None
    since = [row for row in rows if row["step"] >= before[-1]["step"]]
    values = (last["validation_objective"], before[-1]["validation_objective"])
    if not all(map(math.isfinite, values)) or len({row["learning_rate"] for row in since}) > 1:
        return None
    return values[0] - values[1] < GAIN * abs(values[0])
