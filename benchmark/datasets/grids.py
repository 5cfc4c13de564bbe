"""Images of every combination of some factors, from published files: bytes (N, C, H, W) in row-major order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Dataset, Lazy
from benchmark.datasets.splits import first_identical, grouped

SIDE = 64  # pixels of every image here


class Axis(NamedTuple):
    """A factor, its number of values and its type."""

    name: str
    size: int
    type: str


class Axes(tuple[Axis, ...]):
    """The factors of a grid; the last one changes fastest."""

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self)

    @property
    def total(self) -> int:
        """Number of images."""
        return int(np.prod(self.sizes))

    def classes(self) -> NDArray[np.int64]:
        """The values 0..n-1 of each factor (N, F)."""
        return np.indices(self.sizes).reshape(len(self), -1).T


def grid_dataset(
    name: str, axes: Axes, images: NDArray[np.uint8] | Lazy, splits: Mapping[str, NDArray[np.int64]], source: str
) -> Dataset:
    """Images (N, C, H, W) in the order of the axes, with grey or colour values as they are."""
    return Dataset(
        name=name,
        images=images,
        shape=images.shape[1:],
        storage="uint8",
        binarisation="none",
        splits=splits,
        factors=axes.classes().astype(np.float64),
        factor_names=tuple(axis.name for axis in axes),
        factor_types=tuple(axis.type for axis in axes),
        source=source,
    )


def by_row(total: int, wanted: Mapping[str, int], seed: int) -> dict[str, NDArray[np.int64]]:
    """Disjoint random rows, where comparing all images would cost more than it finds."""
    return grouped(np.arange(total, dtype=np.int32), wanted, seed)


def by_image(
    stem: Path, images: NDArray[np.uint8], wanted: Mapping[str, int], seed: int
) -> dict[str, NDArray[np.int64]]:
    """Disjoint random rows that never share an image; who equals whom is kept in the cache at stem."""
    path = stem.with_name(f"{stem.name}-first-identical.npy")
    first = cached_array(path, images.shape[:1], np.int32, lambda: [first_identical(images.reshape(len(images), -1))])
    return grouped(first, wanted, seed)


def shrunk(images: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.uint8]:
    """Images (N, C, H, H) as (N, C, side, side): the exact mean over each new pixel's area, halves rounded up."""
    common = int(np.gcd(images.shape[-1], side))
    up, down = side // common, images.shape[-1] // common
    fine: NDArray[Any] = images.repeat(up, axis=-1).repeat(up, axis=-2)
    parts = fine.reshape(*images.shape[:2], side, down, side, down)
    area = down * down
    return ((2 * parts.sum(axis=(3, 5), dtype=np.uint32) + area) // (2 * area)).astype(np.uint8)
