"""Representations made elsewhere: npz files and callables, checked and split into (N, D) codes and (N, F) factors."""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from metrics.core import FACTOR_TYPES, Codes, Representation

ROWS = ("codes", "factors", "stddev", "sample", "symmetry")
KEYS = (*ROWS, *(f"{key}_test" for key in ROWS))
NAMES = ("factor_names", "factor_types")
MOST_CLASSES = 256  # whole-number factors with more values than this are taken as continuous


class CodesError(ValueError):
    """Arrays that are no representation; the first line says which, why, and what to do."""


def read_npz(path: Path, seed: int) -> Representation:
    """codes (N, D) and factors (N, F), optionally the other KEYS and NAMES; without a test part halves by the seed."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, zipfile.BadZipFile, ValueError, EOFError) as error:
        reason = "holds Python objects" if "allow_pickle" in str(error) else f"is no npz file ({error})"
        raise CodesError(f"{path} {reason}; save plain numeric arrays with numpy.savez") from error
    if "test_mean" in arrays:  # codes.npz of one of our runs
        return _of_a_run(arrays)
    return from_arrays(arrays, seed, str(path))


def from_arrays(arrays: Mapping[str, np.ndarray], seed: int, where: str = "arrays") -> Representation:
    """A representation of plain arrays by the names of an npz file; CodesError for what is none."""
    if unknown := sorted(set(arrays) - {*KEYS, *NAMES}):
        raise CodesError(f"{where}: unknown keys {unknown}; there are {', '.join((*KEYS, *NAMES))}")
    if missing := [key for key in ("codes", "factors") if key not in arrays]:
        raise CodesError(f"{where}: no {missing[0]!r}; needed are codes (N, D) and factors (N, F)")
    checked = {key: _numbers(arrays[key], f"{where}: {key}") for key in KEYS if key in arrays}
    train, test = _split(checked, seed, where)
    names, types = _described(arrays, np.concatenate([train["factors"], test["factors"]]), where)
    parts = _recoded(train["factors"], test["factors"], types)
    for index, name in enumerate(names):
        if len(np.unique(parts[0][:, index])) < 2:
            raise CodesError(f"{where}: factor {name!r} has one value only; leave it out")
    point = "stddev" not in checked and "sample" not in checked
    try:
        codes = [_codes(part, factors, names, types) for part, factors in zip((train, test), parts, strict=True)]
    except ValueError as error:
        raise CodesError(f"{where}: {error}") from error
    return Representation(codes[0], codes[1], deterministic=point)


def from_callable(target: str, dataset: Dataset) -> Representation:
    """Codes that `module:function` makes of the images (N, *shape) of a data set, as floats in [0, 1]."""
    function = _located(target)

    def arrays(split: str, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        codes = _numbers(np.asarray(function(dataset.decoded(rows))), f"{target} on {len(rows)} images")
        if len(codes) != len(rows):
            raise CodesError(f"{target} gave {len(codes)} codes for {len(rows)} images; it must keep their order")
        return codes, np.zeros_like(codes), codes

    return representation_of(dataset, arrays, deterministic=True)


def _located(target: str) -> Callable[[np.ndarray], np.ndarray]:
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise CodesError(f"{target}: cannot be imported ({error}); write module:function") from error


def _numbers(array: np.ndarray, where: str) -> np.ndarray:
    """The array as float64 (N, K), one column if it has one axis; finite and not empty."""
    if array.dtype.kind not in "fiub":
        raise CodesError(f"{where}: has dtype {array.dtype}, expected numbers")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise CodesError(f"{where}: has shape {array.shape}, expected (N, K) with N and K at least 1")
    if not np.isfinite(array).all():
        raise CodesError(f"{where}: has NaN or infinite entries; remove those rows")
    return array.astype(np.float64)


def _split(arrays: Mapping[str, np.ndarray], seed: int, where: str) -> tuple[dict[str, np.ndarray], ...]:
    """Train and test parts: as given, or two halves in an order that the seed draws."""
    train = {key: array for key, array in arrays.items() if not key.endswith("_test")}
    test = {key.removesuffix("_test"): array for key, array in arrays.items() if key.endswith("_test")}
    for part, name in ((train, ""), (test, "_test")):
        for key, array in part.items():
            if "codes" not in part or len(array) != len(part["codes"]):
                rows = len(part["codes"]) if "codes" in part else "no"
                raise CodesError(f"{where}: {key}{name} has {len(array)} rows, codes{name} has {rows}")
            if key in ("stddev", "sample") and array.shape != part["codes"].shape:
                shape = part["codes"].shape
                raise CodesError(f"{where}: {key}{name} has shape {array.shape}, codes{name} has {shape}")
    if test:
        _check_match(train, test, where)
        return train, test
    if len(train["codes"]) < 4:
        raise CodesError(f"{where}: {len(train['codes'])} rows are too few to split; give at least 4, or a test part")
    order = np.random.default_rng(seed).permutation(len(train["codes"]))
    half = len(order) // 2
    return tuple({key: array[rows] for key, array in train.items()} for rows in (order[:half], order[half:]))


def _check_match(train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], where: str) -> None:
    if set(train) != set(test):
        raise CodesError(f"{where}: the train part has {sorted(train)}, the test part has {sorted(test)}")
    for key in train:
        if train[key].shape[1] != test[key].shape[1]:
            raise CodesError(f"{where}: {key} has {train[key].shape[1]} columns, {key}_test {test[key].shape[1]}")


def _described(
    arrays: Mapping[str, np.ndarray], factors: np.ndarray, where: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and types of the factors: as given, else factor_1, ... and discrete where values are few whole numbers."""
    count = factors.shape[1]
    names = tuple(map(str, arrays["factor_names"])) if "factor_names" in arrays else ()
    names = names or tuple(f"factor_{index + 1}" for index in range(count))
    guessed = tuple("discrete" if _is_discrete(column) else "continuous" for column in factors.T)
    types = tuple(map(str, arrays["factor_types"])) if "factor_types" in arrays else guessed
    if len(names) != count or len(types) != count:
        raise CodesError(f"{where}: {len(names)} names and {len(types)} types for {count} factors")
    if wrong := sorted(set(types) - set(FACTOR_TYPES)):
        raise CodesError(f"{where}: unknown factor types {wrong}; choose from {', '.join(FACTOR_TYPES)}")
    return names, types


def _is_discrete(column: np.ndarray) -> bool:
    return bool((column == np.round(column)).all()) and len(np.unique(column)) <= MOST_CLASSES


def _recoded(train: np.ndarray, test: np.ndarray, types: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Discrete factors and labels as 0..n-1, in the order of their values; the rest as they are."""
    both = np.concatenate([train, test])
    for index, kind in enumerate(types):
        if kind in ("discrete", "label"):
            both[:, index] = np.unique(both[:, index], return_inverse=True)[1]
    return both[: len(train)], both[len(train) :]


def _codes(
    part: Mapping[str, np.ndarray], factors: np.ndarray, names: tuple[str, ...], types: tuple[str, ...]
) -> Codes:
    mean, symmetry = part["codes"], part.get("symmetry")
    stddev, sample = part.get("stddev", np.zeros_like(mean)), part.get("sample", mean)
    return Codes(mean, stddev, sample, factors, names, types, symmetry)


def _of_a_run(arrays: Mapping[str, np.ndarray]) -> Representation:
    """The codes.npz that every run leaves behind."""
    names, types = (tuple(map(str, arrays[key])) for key in NAMES)

    def part(split: str) -> Codes:
        mean, stddev, sample = (arrays[f"{split}_{key}"].astype(np.float64) for key in ("mean", "stddev", "sample"))
        symmetry = arrays[f"{split}_symmetry"].astype(np.float64) if f"{split}_symmetry" in arrays else None
        return Codes(mean, stddev, sample, arrays.get(f"{split}_factors"), names, types, symmetry)

    return Representation(part("train"), part("test"), deterministic=not arrays["test_stddev"].any())
