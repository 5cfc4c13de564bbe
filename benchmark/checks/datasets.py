"""What holds of every data set: range, types, shapes, disjoint splits, the same bytes each time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.checks.laws import hold
from benchmark.datasets import SPLITS, Dataset
from benchmark.datasets.core import FULL_GRID, HELD_OUT, PROBE_SEEN, WHOLE
from benchmark.datasets.splits import first_identical
from metrics.core import FACTOR_TYPES


def disjoint(data: Dataset) -> list[str]:
    """The splits that have no image in common."""
    shared = {HELD_OUT: (), FULL_GRID: ("train",), PROBE_SEEN: ("probe",), WHOLE: SPLITS[1:]}[data.protocol]
    return [split for split in SPLITS if split not in shared]


def storage_range_and_shape(data: Dataset) -> None:
    """Images are stored as they say, finite, in [0, 1] once decoded if they are grey or bits, and not nearly black."""
    total, size = len(data.images), int(np.prod(data.shape))
    expected = {
        "uint8": (np.uint8, data.shape),
        "bits": (np.uint8, (-(-size // 8),)),
        "float": (np.float32, data.shape),
    }
    dtype, shape = expected[data.storage]
    hold(data.images.dtype == dtype, f"images are {data.images.dtype}; storage {data.storage} is {np.dtype(dtype)}")
    hold(data.images.shape == (total, *shape), f"images have shape {data.images.shape}, expected {(total, *shape)}")
    hold(data.source, "source is empty; say which bytes these are")
    rows = data.splits["test"][:100]
    decoded = data.decoded(rows)
    hold(decoded.shape == (len(rows), *data.shape), f"decoded images have shape {decoded.shape}")
    hold(decoded.dtype == np.float32, f"decoded images are {decoded.dtype}")
    hold(np.isfinite(decoded).all(), "images have NaN or infinite entries")
    if data.storage != "float":
        top = decoded.max()
        hold(0.5 < top <= 1, f"the brightest pixel is {top:.3g} once decoded; uint8 goes from 0 to 255")
    hold(
        (data.storage == "bits") == (data.binarisation == "static"),
        f"storage {data.storage} does not go with binarisation {data.binarisation}: bits are static, and only they",
    )
    if data.storage == "bits":
        hold(set(np.unique(decoded)) == {0, 1}, "bits are all the same")


def splits_are_disjoint_rows(data: Dataset) -> None:
    """train, validation, probe and test are rows of their own, int64, in range, none empty."""
    hold(set(data.splits) == set(SPLITS), f"splits are {sorted(data.splits)}, expected {', '.join(SPLITS)}")
    if data.protocol == WHOLE:
        everything = all(np.array_equal(np.sort(rows), np.arange(len(data.images))) for rows in data.splits.values())
        hold(everything, "not every split is all there is")
    if data.protocol == FULL_GRID:
        everything = np.array_equal(np.sort(data.splits["train"]), np.arange(len(data.images)))
        hold(everything, "the full grid is not what it trains on")
    if data.protocol == PROBE_SEEN:
        hold(set(data.splits["probe"]) <= set(data.splits["train"]), "probe rows are not among the train rows")
    rows = np.concatenate([data.splits[split] for split in disjoint(data)])
    hold(rows.dtype == np.int64, f"rows are {rows.dtype}, expected int64")
    hold(min(len(data.splits[split]) for split in SPLITS) > 0, "a split is empty")
    hold(len(np.unique(rows)) == len(rows), "a row is in two splits, or twice in one")
    hold(0 <= rows.min() <= rows.max() < len(data.images), f"rows are outside of 0..{len(data.images) - 1}")


def no_example_is_in_two_splits(data: Dataset) -> None:
    """No two splits hold the same bytes, whatever their rows are."""
    images = data.images[np.arange(len(data.images))]
    rows = np.ascontiguousarray(images).view(np.uint8).reshape(len(images), -1)
    first = first_identical(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else rows)
    owner = np.full(len(rows), -1)
    for index, split in enumerate(disjoint(data)):
        owner[data.splits[split]] = index
    used = owner >= 0
    lowest, highest = np.full(len(rows), 9), np.full(len(rows), -1)
    np.minimum.at(lowest, first[used], owner[used])
    np.maximum.at(highest, first[used], owner[used])
    shared = int((used & (lowest[first] != highest[first])).sum())
    hold(not shared, f"{shared} images are in two splits")


def factors_are_described(data: Dataset) -> None:
    """Factors (N, F) are finite float64 with a name and a type each; discrete ones are 0..n-1."""
    if data.factors is None:
        hold(data.factor_names == data.factor_types == (), "factors are named but not given")
        return
    hold(data.factors.dtype == np.float64, f"factors are {data.factors.dtype}, expected float64")
    shape = (len(data.images), len(data.factor_names))
    hold(data.factors.shape == shape, f"factors have shape {data.factors.shape}, expected {shape}")
    hold(len(data.factor_types) == len(data.factor_names), "not as many factor_types as factor_names")
    hold(data.symmetry is None or data.symmetry.shape == data.factors.shape, "symmetry has not the factors' shape")
    hold(set(data.factor_types) <= set(FACTOR_TYPES), f"factor_types are {data.factor_types}, not of {FACTOR_TYPES}")
    hold(np.isfinite(data.factors).all(), "factors have NaN or infinite entries")
    for name, values, kind in zip(data.factor_names, data.factors.T, data.factor_types, strict=True):
        if kind in ("discrete", "label"):
            whole = np.array_equal(np.unique(values), np.arange(values.max() + 1))
            hold(whole, f"{kind} factor {name!r} is not 0..n-1 with each of them somewhere")


def same_call_same_bytes(load: Callable[[], Dataset]) -> None:
    """Two loads of the same options have one checksum, on which runs rely."""
    first, second = load().checksum, load().checksum
    hold(first == second, f"two loads differ: checksums {first[:8]} and {second[:8]}")


LAWS = (storage_range_and_shape, splits_are_disjoint_rows, no_example_is_in_two_splits, factors_are_described)
