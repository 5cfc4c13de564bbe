"""Representations made elsewhere: npz files and callables, checked and split into (N, D) codes and (N, F) factors."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.arrays import read_arrays
from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from metrics.arrays import NAMES, CodesError, from_arrays, numbers, words
from metrics.core import Codes, Representation

OF_A_RUN = tuple(f"{split}_{key}" for split in ("train", "test") for key in ("mean", "stddev", "sample"))


def is_callable(source: str) -> bool:
    """Whether it reads as module:function and is no file."""
    return ":" in source and not os.path.exists(source)


def read_npz(path: Path, seed: int) -> Representation:
    """codes (N, D) and factors (N, F), optionally the other KEYS and NAMES; without a test part halves by the seed.

    Or the codes.npz that every run leaves behind. CodesError or UnreadableError, one line that names the file.
    """
    arrays = read_arrays(path)
    if not set(OF_A_RUN) & set(arrays):
        return from_arrays(arrays, seed, str(path))
    try:
        return _of_a_run(arrays)
    except ValueError as error:
        raise CodesError(f"{path}: {error}") from error


def from_callable(target: str, dataset: Dataset) -> Representation:
    """Codes that `module:function` makes of the images (N, *shape) of a data set, as floats in [0, 1]."""
    function = _located(target)

    def arrays(split: str, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        codes = numbers(_called(function, dataset.decoded(rows)), f"what it gives of {len(rows)} images")
        if len(codes) != len(rows):
            raise CodesError(f"it gave {len(codes)} codes for {len(rows)} images and must keep their order")
        return codes, np.zeros_like(codes), codes

    try:
        return representation_of(dataset, arrays, deterministic=True)
    except ValueError as error:
        raise CodesError(f"{target}: {error}") from error


def _located(target: str) -> Callable[[np.ndarray], Any]:
    module, _, name = target.partition(":")
    try:
        function = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a module may do anything when it is imported
        raise CodesError(f"{target}: cannot be imported ({_told(error)}); write module:function") from error
    if not callable(function):
        raise CodesError(f"{target}: is of type {type(function).__name__}, not a function of images")
    return function


def _called(function: Callable[[np.ndarray], Any], images: np.ndarray) -> np.ndarray:
    try:
        return np.asarray(function(images))
    except (Exception, SystemExit) as error:  # it is somebody else's, and may raise anything
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        raise CodesError(f"fails on images of shape {images.shape} ({_told(error)}; {where})") from error


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _of_a_run(arrays: Mapping[str, np.ndarray]) -> Representation:
    """What `benchmark.encode.save` writes."""
    if missing := [key for key in (*OF_A_RUN, *NAMES) if key not in arrays]:
        raise CodesError(f"of a run's codes {', '.join(missing)} is missing; repeat the run with force=true")
    names, types = (words(arrays[key], key) for key in NAMES)

    def part(split: str) -> Codes:
        given = {key: numbers(array, key) for key, array in arrays.items() if key.startswith(f"{split}_")}
        mean, stddev, sample = (given[f"{split}_{key}"] for key in ("mean", "stddev", "sample"))
        factors, symmetry = (given.get(f"{split}_{key}") for key in ("factors", "symmetry"))
        return Codes(mean, stddev, sample, factors, names, types, symmetry)

    return Representation(part("train"), part("test"), deterministic=not arrays["test_stddev"].any())
