"""SmallNORB: 48,600 photographs (1, 64, 64) of 50 toys, both published parts, the first of each stereo pair."""

from __future__ import annotations

import gzip
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grids import SIDE, Axes, Axis, by_image, grid_dataset, shrunk
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.datasets.splits import Seed, Size, sizes
from benchmark.store.arrays import reading

MIRROR = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
PARTS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")
MD5 = {
    PARTS[0]: {
        "dat": "66054832f9accfe74a0f4c36a75bc0a2",
        "cat": "23c8b86101fbf0904a000b43d3ed2fd9",
        "info": "51dee1210a742582ff607dfd94e332e3",
    },
    PARTS[1]: {
        "dat": "e4ad715691ed5a3a5f138751a4ceb071",
        "cat": "5aa791cd7e6016cf957ce9bdb93b8603",
        "info": "a9454f3864d7fd4bb3ea7fc3eb84924e",
    },
}
AXES = Axes(
    (
        Axis("category", 5, "discrete"),
        Axis("instance", 10, "label"),  # of its category: the same number in two categories has nothing in common
        Axis("elevation", 9, "discrete"),
        Axis("azimuth", 18, "circular"),
        Axis("lighting", 6, "discrete"),
    )
)
ORIGINAL = 96  # pixels
SIZE_LIMIT = 150_000_000


class Kind(NamedTuple):
    """A type of matrix and the number that a file of it starts with."""

    magic: int
    type: np.dtype[Any]


BYTES, INTEGERS = Kind(0x1E3D4C55, np.dtype("u1")), Kind(0x1E3D4C54, np.dtype("<i4"))
BLOCK = 1 << 10  # pairs at a time


def smallnorb(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 2000,
    probe_train: Size = 10_000,
    test: Size = 5000,
    split_seed: Seed = 0,
) -> Dataset:
    """SmallNORB *(LeCun et al., 2004)*, 96x96 averaged to 64x64 by area, sorted by category, instance, ..., lighting.

    As in *(Locatello et al., 2019)* both parts are one set (the official test set is of toys that training lacks), and
    `instance` is a label and no factor of disentanglement. Values are grey levels 0..255: a Bernoulli on them gives
    pseudo-nats. Identical images are always in the same split.
    """
    check_data_dir(paths.data_dir)
    wanted = sizes("smallnorb", AXES.total, train, validation=validation, probe=probe_train, test=test)
    stem = paths.cache_dir / "smallnorb"
    shape = (AXES.total, 1, SIDE, SIDE)
    images = cached_array(stem.with_name("smallnorb.npy"), shape, np.uint8, lambda: [_images(paths)])
    return grid_dataset("smallnorb", AXES, images, by_image(stem, images, wanted, split_seed), "official mat files")


def published(part: str, kind: str) -> PublishedFile:
    """The file of a part: dat, cat or info; the published md5 are those of the compressed files."""
    name = f"{part}-{kind}.mat.gz"
    return PublishedFile(
        name, "smallnorb", (f"{MIRROR}{name}",), Checksum(MD5[part][kind], "md5", unpacked=False), SIZE_LIMIT
    )


def _images(paths: Paths) -> NDArray[np.uint8]:
    """The images of both parts (N, 1, 64, 64) in the order of the axes."""
    rows, images = (np.concatenate(of) for of in zip(*(_part(part, paths) for part in PARTS), strict=True))
    if not np.array_equal(np.sort(rows), np.arange(AXES.total)):
        where = paths.data_dir or paths.cache_dir
        raise ValueError(f"the SmallNORB files of {where} lack some images or have them twice; get them from {MIRROR}")
    return images[np.argsort(rows)]


def _part(part: str, paths: Paths) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Place in the order of the axes (n,) and image (n, 1, 64, 64) of each example."""
    dat, cat, info = (obtain(published(part, kind), paths) for kind in ("dat", "cat", "info"))
    category = np.concatenate(list(_read(cat, (None,), INTEGERS)))
    about = np.concatenate(list(_read(info, (len(category), 4), INTEGERS)))
    classes = (category, *(about // np.array([1, 1, 2, 1])).T)  # azimuths are even numbers
    with reading(cat, f"or {info.name} has factors out of range", f"get them from {MIRROR}"):
        rows = np.ravel_multi_index(classes, AXES.sizes)
    pairs = _read(dat, (len(category), 2, ORIGINAL, ORIGINAL), BYTES)
    return rows, np.concatenate([shrunk(pair[:, :1]) for pair in pairs])


def _read(path: Path, shape: tuple[int | None, ...], kind: Kind) -> Iterator[NDArray[Any]]:
    """Blocks along the first axis, of length 1 to N where it is None, of the binary matrix in a file."""
    with reading(path, "is not that SmallNORB file", f"replace it by {MIRROR}{path.name}"), gzip.open(path) as file:
        found = _header(file, kind.magic)
        count = found[0]
        if found[1:] != shape[1:] or shape[0] not in (None, count) or not 1 <= count <= AXES.total:
            raise ValueError(f"it has shape {found}")
        for start in range(0, count, BLOCK):
            wanted = (min(BLOCK, count - start), *found[1:])
            data = file.read(math.prod(wanted) * kind.type.itemsize)
            yield np.frombuffer(data, kind.type).reshape(wanted)
        if file.read(1):
            raise ValueError("it goes on after its end")


def _header(file: gzip.GzipFile, expected: int) -> tuple[int, ...]:
    """The shape: magic number of the type, number of dimensions, at least three of them, all little endian."""
    magic, dimensions = struct.unpack("<2i", file.read(8))
    if magic != expected or not 1 <= dimensions <= 4:
        raise ValueError(f"it starts with {magic:#x} and {dimensions} dimensions")
    return struct.unpack(f"<{max(3, dimensions)}i", file.read(4 * max(3, dimensions)))[:dimensions]
