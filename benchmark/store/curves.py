"""Curves of a run, such as L_K against K: arrays (n, 3) of x, value and its standard error, in curves.npz by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmark.store.arrays import UnreadableError, read_arrays
from benchmark.store.files import write_atomically
from benchmark.store.names import file_of
from metrics.core import AMORTISED, Array

FILE = "curves.npz"


def keep_curves(folder: Path, readout: str, curves: Mapping[str, Array], earlier: bool) -> None:
    """Write the curves of a readout; with `earlier`, those of metrics that were measured before stay."""
    found = {**(read_curves(folder, readout) if earlier else {}), **curves}
    if found:
        write_atomically(folder / file_of(FILE, readout), lambda file: np.savez(file, **found))  # type: ignore[arg-type]


def read_curves(folder: Path, readout: str = AMORTISED) -> dict[str, Array]:
    """The curves in a run's folder; none where the file is missing or damaged: metrics can make them again."""
    try:
        found = read_arrays(folder / file_of(FILE, readout))
    except UnreadableError:
        return {}
    return {name: array for name, array in found.items() if _is_curve(array)}


def _is_curve(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.shape[1] == 3 and array.dtype.kind == "f" and bool(np.isfinite(array).all())
