"""Plain arrays, codes (N, D) and factors (N, F), checked, described and split into the two parts that metrics need."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from metrics.core import FACTOR_TYPES, Codes, Density, Representation, unusable
from metrics.values import are_classes, distinct, on_circle

ROWS = ("codes", "factors", "stddev", "sample", "symmetry")
KEYS = (*ROWS, *(f"{key}_test" for key in ROWS))
NAMES = ("factor_names", "factor_types")
UNLIKELY = 8.0  # standard errors


class CodesError(ValueError):
    """Arrays that are no representation; the first line says which, why, and what to do."""


def from_arrays(arrays: Mapping[str, np.ndarray], seed: int, where: str = "arrays") -> Representation:
    """A representation of plain arrays by the names of an npz file; CodesError for what is none."""
    if unknown := sorted(set(arrays) - {*KEYS, *NAMES}):
        raise CodesError(f"{where}: unknown keys {unknown}; there are {', '.join((*KEYS, *NAMES))}")
    if missing := [key for key in ("codes", "factors") if key not in arrays]:
        raise CodesError(f"{where}: no {missing[0]!r}; needed are codes (N, D) and factors (N, F)")
    checked = {key: numbers(arrays[key], f"{where}: {key}") for key in KEYS if key in arrays}
    train, test = _split(checked, seed, where)
    names, types = _described(arrays, np.concatenate([train["factors"], test["factors"]]), where)
    parts = _recoded(train["factors"], test["factors"], names, types, where)
    for index, name in enumerate(names):
        if len(distinct(np.concatenate([part[:, index] for part in parts]))[0]) < 2:
            raise CodesError(f"{where}: factor {name!r} has one value only; leave it out")
    try:
        codes = [_codes(part, factors, names, types) for part, factors in zip((train, test), parts, strict=True)]
    except ValueError as error:
        raise CodesError(f"{where}: {error}") from error
    return Representation(codes[0], codes[1])


def numbers(array: np.ndarray, where: str) -> np.ndarray:
    """The array as float64 (N, K), one column if it has one axis; finite and not empty."""
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise CodesError(f"{where}: has dtype {array.dtype}, expected numbers")
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or 0 in array.shape:
        raise CodesError(f"{where}: has shape {array.shape}, expected (N, K) with N and K at least 1")
    with np.errstate(over="ignore"):  # what float64 cannot hold becomes infinite, and is refused
        array = array.astype(np.float64)
    if why := unusable(array):
        raise CodesError(f"{where}: {why}")
    return array


def words(array: np.ndarray, where: str) -> tuple[str, ...]:
    """An array of text (F,) as printable words."""
    array = np.asarray(array)
    if array.ndim != 1 or (array.dtype.kind != "U" and array.size):
        raise CodesError(f"{where}: has shape {array.shape} and dtype {array.dtype}, expected text of shape (F,)")
    try:
        found = tuple(map(str, array))
    except ValueError as error:  # a number that stands for no letter
        raise CodesError(f"{where}: {error}") from error
    if wrong := [word for word in found if not word.strip() or not word.isprintable()]:
        raise CodesError(f"{where}: {wrong[0]!r} cannot be printed as a name")
    return found


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
    """Names and types of the factors: as given, else factor_1, ... and discrete where are_classes says so."""
    count = factors.shape[1]
    names = words(arrays["factor_names"], f"{where}: factor_names") if "factor_names" in arrays else ()
    names = names or tuple(f"factor_{index + 1}" for index in range(count))
    guessed = tuple("discrete" if are_classes(column) else "continuous" for column in factors.T)
    types = words(arrays["factor_types"], f"{where}: factor_types") if "factor_types" in arrays else guessed
    if len(names) != count or len(types) != count:
        raise CodesError(f"{where}: {len(names)} names and {len(types)} types for {count} factors")
    if len(set(names)) < count:
        raise CodesError(f"{where}: two factors have one name: {', '.join(names)}")
    if wrong := sorted(set(types) - set(FACTOR_TYPES)):
        raise CodesError(f"{where}: unknown factor types {wrong}; choose from {', '.join(FACTOR_TYPES)}")
    return names, types


def _recoded(
    train: np.ndarray, test: np.ndarray, names: tuple[str, ...], types: tuple[str, ...], where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Discrete factors and labels as 0..n-1 in the order of their values, circles by on_circle, the rest as it is."""
    both = np.concatenate([train, test])
    for index, (name, kind) in enumerate(zip(names, types, strict=True)):
        if kind in ("discrete", "label"):
            both[:, index] = distinct(both[:, index])[1]
        elif kind == "circular":
            try:
                both[:, index] = on_circle(both[:, index])
            except ValueError as error:
                raise CodesError(f"{where}: factor {name!r}: {error}") from error
    return both[: len(train)], both[len(train) :]


def _codes(
    part: Mapping[str, np.ndarray], factors: np.ndarray, names: tuple[str, ...], types: tuple[str, ...]
) -> Codes:
    views = {name: part[key] for name, key in (("mean", "codes"), ("sample", "sample")) if key in part}
    stddev, sample = part.get("stddev"), part.get("sample")
    known = stddev is not None and sample is not None and are_drawn(sample, mean=part["codes"], stddev=stddev)
    density: Density | None = "diagonal" if known else None
    return Codes(views, stddev, density, factors, names, types, part.get("symmetry"))


def are_drawn(sample: np.ndarray, mean: np.ndarray, stddev: np.ndarray) -> bool:
    """Whether samples (N, D) may be draws of diagonal Gaussians: residuals of unit variance, no two axes correlated.

    False beyond UNLIKELY standard errors, as for a posterior with correlated axes, or for variances given as stddev.
    """
    if not (stddev > 0).all():
        return True  # no density to speak of, which is said elsewhere
    residuals = (sample - mean) / stddev
    products = residuals.T @ residuals / len(residuals)
    unit = np.eye(products.shape[0])
    errors = np.sqrt((1 + unit) / len(residuals))  # of a product of normal residuals
    return bool((np.abs(products - unit) < UNLIKELY * errors).all())
