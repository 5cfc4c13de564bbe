"""What code dimensions know of factors: a run's (codes x factors) matrices, kept, read back, and their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmark.store.arrays import UnreadableError, read_arrays
from benchmark.store.codes import FILE as CODES
from benchmark.store.files import write_atomically
from benchmark.store.names import file_of
from metrics.arrays import words
from metrics.core import AMORTISED, Array, Codes, Representation
from metrics.declared import UNBOUNDED, Matrix, declared_matrix

FILE = "matrices.npz"


def words_of(name: str) -> Matrix:
    """The words of a matrix by its name in matrices.npz; an unknown one is called by that name and comes last."""
    return declared_matrix(name) or Matrix(name, name.replace("_", " "), "", UNBOUNDED, None)


def keep_matrices(folder: Path, representation: Representation, earlier: bool) -> dict[str, Array]:
    """Write matrices.npz; with `earlier`, the matrices of metrics that were measured before stay. Returns all of them.

    Nothing is written where there are none.
    """
    shape = representation.test.mean.shape[1], len(generative_factors(representation.test))
    before = read_matrices(folder, representation.readout) if earlier else {}
    matrices = {name: matrix for name, matrix in (before | representation.matrices).items() if matrix.shape == shape}
    if matrices:
        path = folder / file_of(FILE, representation.readout)
        write_atomically(path, lambda file: np.savez(file, **matrices))  # type: ignore[arg-type]
    return matrices


def generative_factors(codes: Codes) -> list[str]:
    """The names of the factors that an image is made from, the columns of a matrix: not what it is labelled with."""
    return [name for name, kind in zip(codes.factor_names, codes.factor_types, strict=True) if kind != "label"]


def read_matrices(folder: Path, readout: str = AMORTISED) -> dict[str, Array]:
    """The matrices (D, F) in a run's folder, of a readout; none where the file is missing or damaged: metrics can make
    them again."""
    found = _arrays(folder / file_of(FILE, readout))
    return {name: array for name, array in found.items() if _is_matrix(array)}


def read_factor_names(folder: Path) -> list[str]:
    """The names of the generative factors, the columns of a run's matrices, from its codes; none if these are lost."""
    found = _arrays(folder / CODES, ("factor_names", "factor_types"))
    try:
        names, types = (words(array, name) for name, array in found.items())
    except ValueError:
        return []
    return [name for name, kind in zip(names, types, strict=False) if kind != "label"]


def _arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path, names)
    except UnreadableError:
        return {}


def _is_matrix(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.size > 0 and array.dtype.kind == "f" and bool(np.isfinite(array).all())


def place_of(name: str) -> tuple[float, str]:
    """What sorts matrices in the order that they declare, others last by name."""
    return words_of(name).place, name


def by_kind(kind: str, found: Sequence[Mapping[str, Array]]) -> str | None:
    """The matrix of a kind, such as importance, that the most of several runs have; the first in order among equals."""
    names = Counter(name for matrices in found for name in matrices if name.startswith(kind))
    return min(names, key=lambda name: (-names[name], place_of(name)), default=None)
