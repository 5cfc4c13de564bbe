"""What a run saw of its data: codes.npz with views (N, D) of q(z|x) and factors (N, F) of the probe and test parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.store.arrays import read_arrays
from benchmark.store.files import write_atomically
from benchmark.store.names import file_of
from metrics.arrays import NAMES, CodesError, numbers, words
from metrics.core import AMORTISED, Array, Codes, Density, Prior, Representation

FILE = "codes.npz"
PARTS = ("train", "test")
NONE, ESTIMATED = "none", "estimated"
OF_BEFORE = ("mean", "sample", "stddev")
Arrays = Mapping[str, NDArray[Any]]


class Assumed(NamedTuple):
    """What scores may assume of q(z|x) and of p(z)."""

    density: Density | None
    prior: Prior | None


def save_codes(folder: Path, representation: Representation) -> None:
    """Write codes.npz, or codes_<readout>.npz: views, stddev and factors of both parts, and what is known of them, as
    text."""
    arrays: dict[str, NDArray[Any]] = {}
    for part, codes in zip(PARTS, (representation.train, representation.test), strict=True):
        # float32 is what the encoder gave: doubling the bytes on disk would add no digit
        arrays |= {f"{part}_{name}": view.astype(np.float32) for name, view in codes.views.items()}
        if codes.stddev is not None:
            arrays[f"{part}_stddev"] = codes.stddev.astype(np.float32)
        if codes.factors is not None:
            arrays[f"{part}_factors"] = codes.factors
        if codes.symmetry is not None:
            arrays[f"{part}_symmetry"] = codes.symmetry.astype(np.int16)
    told = {
        "factor_names": representation.test.factor_names,
        "factor_types": representation.test.factor_types,
        "views": representation.views,
        "assumed": (representation.test.density or NONE, representation.prior or NONE),
        "readout": (representation.readout, *([ESTIMATED] if representation.test.estimated else [])),
    }
    arrays |= {name: np.array(given, dtype=np.str_) for name, given in told.items()}
    path = folder / file_of(FILE, representation.readout)
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]


def is_of_a_run(arrays: Arrays) -> bool:
    """Whether they are named as `save_codes` names them."""
    return {"views", "assumed"} <= set(arrays) or any(f"{part}_mean" in arrays for part in PARTS)


def of_a_run(arrays: Arrays) -> Representation:
    """What `save_codes` wrote; CodesError for what is missing or strange."""
    if missing := [key for key in (*NAMES, *_needed(arrays)) if key not in arrays]:
        raise CodesError(f"of a run's codes {', '.join(missing)} is missing; repeat the run with force=true")
    described = tuple(words(arrays[key], key) for key in NAMES)
    train, test = (_part(arrays, part, *described) for part in PARTS)
    return Representation(train, test, assumed(arrays).prior, readout=_read_by(arrays)[0])


def _read_by(arrays: Arrays) -> tuple[str, ...]:
    """The readout, and whether its means are averages of draws; codes of before have the encoder's own."""
    return tuple(words(arrays["readout"], "readout")) if "readout" in arrays else (AMORTISED,)


def _needed(arrays: Arrays) -> list[str]:
    """The arrays of codes that must be there; before `views` and `assumed` were written, all of three."""
    if not {"views", "assumed"} <= set(arrays):
        names = list(OF_BEFORE)
    else:
        names = [*words(arrays["views"], "views"), *(["stddev"] if assumed(arrays).density else [])]
    return [f"{part}_{name}" for part in PARTS for name in names]


def assumed(arrays: Arrays) -> Assumed:
    """What is known of q(z|x) and p(z); before it was written down, every model had a diagonal and a standard one."""
    if "assumed" not in arrays:
        spread = arrays.get("test_stddev")
        return Assumed("diagonal", "standard_normal") if spread is not None and spread.any() else Assumed(None, None)
    told = words(arrays["assumed"], "assumed")
    return Assumed("diagonal" if "diagonal" in told else None, "standard_normal" if "standard_normal" in told else None)


def read_test_codes(path: Path) -> tuple[Array, Array | None, Assumed]:
    """Mean and stddev (N, D) of the test part, None for point codes, and what is known of them."""
    arrays = read_arrays(path, ("test_mean",), ("test_stddev", "assumed"))
    known = assumed(arrays)
    stddev = numbers(arrays["test_stddev"], "test_stddev") if "test_stddev" in arrays else None
    return numbers(arrays["test_mean"], "test_mean"), stddev, known


def _part(arrays: Arrays, part: str, names: tuple[str, ...], types: tuple[str, ...]) -> Codes:
    prefix = f"{part}_"
    found = {key.removeprefix(prefix): numbers(array, key) for key, array in arrays.items() if key.startswith(prefix)}
    point = "assumed" not in arrays and not np.any(arrays["test_stddev"])  # zeros once stood for none
    named = words(arrays["views"], "views") if "views" in arrays else OF_BEFORE[: 1 if point else 2]
    stddev = None if point else found.get("stddev")
    views, known = {name: found[name] for name in named}, assumed(arrays)
    return Codes(views, stddev, known.density, found.get("factors"), names, types, found.get("symmetry"),
                 ESTIMATED in _read_by(arrays))  # fmt: skip
