"""L_K against K of every configuration and readout, from the curves that runs keep: means over seeds in nats."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.reporting.ranking import codes_of
from benchmark.reporting.statistics import half_widths
from benchmark.store.curves import read_curves

CURVE = "iwae"  # as the metric `evidence` calls it
WHOSE = ["run", "group", "label", "reference", "readout", "representation"]
KEYS = ["group", "label", "readout", "samples"]


def bounds_table(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    """A row per group, configuration (`label`), readout and K (`samples`): mean of L_K over seeds, 95 % t interval, n.

    `table` is a full one with labels; runs whose curve is not there or cannot be read have no rows.
    """
    columns = pd.Index([*KEYS, "reference", "value"])
    values = pd.DataFrame(_values(folder, table), columns=columns).astype({"value": float, "samples": int})
    over = values.groupby(KEYS, sort=False, as_index=False)
    parts = {"mean": ("value", "mean"), "std": ("value", "std"), "n": ("value", "count")}
    found = over.agg(reference=("reference", "first"), **parts)
    half = half_widths(found.pop("std").to_numpy(dtype=float), found["n"].to_numpy())
    return found.assign(low=found["mean"] - half, high=found["mean"] + half).astype({"reference": bool})


def _values(folder: Path, table: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    about: dict[str, tuple[str, str, bool]] = {}
    codes: dict[str, set[tuple[str, str]]] = defaultdict(set)
    rows = table.drop_duplicates(["run", "readout", "representation"])
    for run, group, label, reference, *code in rows[WHOSE].itertuples(index=False, name=None):
        about.setdefault(run, (group, label, reference))
        codes[run].add((code[0], code[1]))
    for run, (group, label, reference) in about.items():
        for readout in dict.fromkeys(readout for readout, _ in codes_of(codes[run])):
            for samples, value, _ in read_curves(folder / "runs" / run, readout).get(CURVE, ()):
                yield group, label, readout, int(samples), reference, float(value)
