"""Four disjoint sets of rows out of N: stratified by class, or keeping identical images together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from benchmark.datasets.core import SPLITS

Rows = NDArray[np.int64]
Size = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]


def sizes(name: str, total: int, train: int | None, **others: int) -> dict[str, int]:
    """The size of each split by name, train being the rest where it is None; an error when they do not fit."""
    rest = total - sum(others.values())
    wanted = {"train": rest if train is None else train, **others}
    if min(wanted.values()) < 1 or sum(wanted.values()) > total:
        asked = ", ".join(
            f"{split}={'the rest' if size is None else size}" for split, size in {"train": train, **others}.items()
        )
        raise ValueError(f"data set {name!r} has {total} examples to split, too few for {asked}; lower these numbers")
    return wanted


def stratified(labels: NDArray[Any], wanted: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Splits in which each class has its share to within one example, in random order."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    _, starts, counts = np.unique(labels[by_class], return_index=True, return_counts=True)
    rank = np.arange(len(labels)) - np.repeat(starts, counts)
    # the r-th of n examples of a class stands at (r + 1/2) / n of the way, so that every stretch has all classes
    order = by_class[np.argsort((rank + 0.5) / np.repeat(counts, counts), kind="stable")]
    return _cut(order, wanted, rng)


def grouped(first: NDArray[Any], wanted: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Splits of exact sizes where rows of the same `first` stay together; singles fill what a group would exceed."""
    rng = np.random.default_rng(seed)
    groups, counts = np.unique(first, return_counts=True)
    order = rng.permutation(len(groups))
    splits = {}
    for name in (*SPLITS[1:], SPLITS[0]):  # train last: the others stay the same whatever its size
        chosen = _groups_of(counts[order], wanted[name])
        splits[name] = np.sort(groups[order[chosen]])
        order = order[~chosen]
    return {name: rng.permutation(_members(first, splits[name])) for name in SPLITS}


def first_identical(images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """For each image (N, bytes) the row of the first image identical to it, shape (N,); bytes a multiple of 8."""
    hashes = np.concatenate([_hashes(images[start : start + 4096]) for start in range(0, len(images), 4096)])
    _, index, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    first = index[inverse].astype(np.int32)
    later = np.flatnonzero(first != np.arange(len(images)))
    if not np.array_equal(images[later], images[first[later]]):
        raise RuntimeError("two different images have one hash")
    return first


def entropy(first: NDArray[Any]) -> float:
    """H in nats of a row drawn uniformly of all, where rows of the same `first` (N,) are one image; at most log N."""
    _, counts = np.unique(first, return_counts=True)
    return float(np.log(len(first)) - (counts * np.log(counts)).sum() / len(first))


def _hashes(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64-bit hashes (N,) of rows of bytes, eight at a time; multiply, xor and shift, as in splitmix64."""
    words = np.ascontiguousarray(images).view("<u8")
    state = np.zeros(len(words), np.uint64)
    for column in words.T:
        state = (state ^ column) * np.uint64(0x9E3779B97F4A7C15)
        state ^= state >> np.uint64(29)
    return state


def _cut(order: Rows, wanted: Mapping[str, int], rng: np.random.Generator) -> dict[str, Rows]:
    ends = np.cumsum([wanted.get(name, 0) for name in (*SPLITS[1:], SPLITS[0])])
    parts = dict(zip((*SPLITS[1:], SPLITS[0]), np.split(order, ends), strict=False))
    return {name: rng.permutation(parts[name]).astype(np.int64) for name in SPLITS}


def _groups_of(counts: NDArray[Any], size: int) -> NDArray[np.bool_]:
    """Which of the groups, in this order, make up exactly that many rows."""
    chosen = np.cumsum(counts) <= size
    missing = size - int(counts[chosen].sum())
    chosen[np.flatnonzero(~chosen & (counts == 1))[:missing]] = True
    return chosen


def _members(first: NDArray[Any], groups: Rows) -> Rows:
    found = np.zeros(len(first), np.bool_)
    found[groups] = True  # a group is named by its first row
    return np.flatnonzero(found[first]).astype(np.int64)
