"""Representations made elsewhere: npz files and callables, checked and split into (N, D) codes and (N, F) factors."""

from __future__ import annotations

import importlib
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.datasets import Dataset
from benchmark.measure.encode import PARTS, Encoded, representation_of
from benchmark.store.arrays import read_arrays
from benchmark.store.codes import is_of_a_run, of_a_run
from metrics.arrays import CodesError, from_arrays, numbers
from metrics.core import Representation


def is_callable(source: str) -> bool:
    """Whether it reads as module:function and is no file."""
    return ":" in source and not os.path.exists(source)


def read_npz(path: Path, seed: int) -> Representation:
    """codes (N, D) and factors (N, F), optionally the other KEYS and NAMES; without a test part halves by the seed.

    Or the codes.npz that every run leaves behind. CodesError or UnreadableError, one line that names the file.
    """
    arrays = read_arrays(path)
    if not is_of_a_run(arrays):
        return from_arrays(arrays, seed, str(path))
    try:
        return of_a_run(arrays)
    except ValueError as error:
        raise CodesError(f"{path}: {error}") from error


def from_callable(target: str, dataset: Dataset) -> Representation:
    """Codes that `module:function` makes of the images (N, *shape) of a data set, as floats in [0, 1]."""
    function = _located(target)
    if dataset.labels:
        raise CodesError(f"{target}: examples of {dataset.name} end in their labels; choose a data set of images alone")

    def encoded(rows: np.ndarray) -> Encoded:
        codes = numbers(_called(function, dataset.decoded(rows)), f"what it gives of {len(rows)} images")
        if len(codes) != len(rows):
            raise CodesError(f"it gave {len(codes)} codes for {len(rows)} images and must keep their order")
        return Encoded.points(codes)

    try:
        return representation_of(dataset, {part: encoded(dataset.splits[part]) for part in PARTS})
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
