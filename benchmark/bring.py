"""Representations made elsewhere: npz files and callables, checked and split into (N, D) codes and (N, F) factors."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from benchmark.arrays import UNREADABLE, read_arrays
from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from metrics.arrays import NAMES, CodesError, from_arrays, numbers
from metrics.core import Codes, Representation


def read_npz(path: Path, seed: int) -> Representation:
    """codes (N, D) and factors (N, F), optionally the other KEYS and NAMES; without a test part halves by the seed."""
    try:
        arrays = read_arrays(path)
    except UNREADABLE as error:
        reason = "holds Python objects" if "allow_pickle" in str(error) else f"is no npz file ({error})"
        raise CodesError(f"{path} {reason}; save plain numeric arrays with numpy.savez") from error
    if "test_mean" in arrays:  # codes.npz of one of our runs
        return _of_a_run(arrays)
    return from_arrays(arrays, seed, str(path))


def from_callable(target: str, dataset: Dataset) -> Representation:
    """Codes that `module:function` makes of the images (N, *shape) of a data set, as floats in [0, 1]."""
    function = _located(target)

    def arrays(split: str, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        codes = numbers(np.asarray(function(dataset.decoded(rows))), f"{target} on {len(rows)} images")
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


def _of_a_run(arrays: Mapping[str, np.ndarray]) -> Representation:
    """The codes.npz that every run leaves behind."""
    names, types = (tuple(map(str, arrays[key])) for key in NAMES)

    def part(split: str) -> Codes:
        mean, stddev, sample = (arrays[f"{split}_{key}"].astype(np.float64) for key in ("mean", "stddev", "sample"))
        symmetry = arrays[f"{split}_symmetry"].astype(np.float64) if f"{split}_symmetry" in arrays else None
        return Codes(mean, stddev, sample, arrays.get(f"{split}_factors"), names, types, symmetry)

    return Representation(part("train"), part("test"), deterministic=not arrays["test_stddev"].any())
