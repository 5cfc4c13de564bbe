"""SmallNORB: 48,600 photographs (1, 64, 64) of 50 toys, both published parts, the first of each stereo pair."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grids import SIDE, Axes, Axis, by_image, grid_dataset, shrunk
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.published import Published, obtain
from benchmark.datasets.splits import Seed, Size, sizes

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
TYPES: dict[int, np.dtype[Any]] = {0x1E3D4C55: np.dtype("u1"), 0x1E3D4C54: np.dtype("<i4")}  # by magic number
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


def published(part: str, kind: str) -> Published:
    """The file of a part: dat, cat or info; the published md5 are those of the compressed files."""
    name = f"{part}-{kind}.mat.gz"
    return Published(
        name, "smallnorb", (f"{MIRROR}{name}",), Checksum(MD5[part][kind], "md5", unpacked=False), SIZE_LIMIT
    )


def _images(paths: Paths) -> NDArray[np.uint8]:
    """The images of both parts (N, 1, 64, 64) in the order of the axes."""
    images, classes = [], []
    for part in PARTS:
        dat, cat, info = (obtain(published(part, kind), paths) for kind in ("dat", "cat", "info"))
        images += [shrunk(block[:, :1]) for block in _read(dat, (2, ORIGINAL, ORIGINAL))]
        category, about = (np.concatenate(list(_read(*given))) for given in ((cat, ()), (info, (4,))))
        classes.append(np.column_stack([category, about // np.array([1, 1, 2, 1])]))  # azimuths are even numbers
    try:
        row = np.ravel_multi_index(tuple(np.concatenate(classes).T), AXES.sizes)
    except ValueError as error:
        raise ValueError(f"the SmallNORB files have factors out of range ({error}); get them from {MIRROR}") from error
    if not np.array_equal(np.sort(row), np.arange(AXES.total)):
        raise ValueError(f"the SmallNORB files lack some images or have them twice; get them from {MIRROR}")
    return np.concatenate(images)[np.argsort(row)]


def _read(path: Path, shape: tuple[int, ...]) -> Iterator[NDArray[Any]]:
    """Blocks along the first axis of the binary matrix (n, *shape) in a file."""
    try:
        with gzip.open(path) as file:
            count, dtype = _header(file, shape)
            for start in range(0, count, BLOCK):
                wanted = (min(BLOCK, count - start), *shape)
                data = file.read(int(np.prod(wanted)) * dtype.itemsize)
                yield np.frombuffer(data, dtype).reshape(wanted)
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        raise ValueError(f"{path} is not that SmallNORB file ({error}); replace it by {MIRROR}{path.name}") from error


def _header(file: gzip.GzipFile, shape: tuple[int, ...]) -> tuple[int, np.dtype[Any]]:
    """Number of examples and type: magic, number of dimensions, at least three of them, all little endian."""
    magic, dimensions = struct.unpack("<2i", file.read(8))
    if magic not in TYPES or dimensions != 1 + len(shape):
        raise ValueError(f"it starts with {magic:#x} and {dimensions} dimensions")
    found = struct.unpack(f"<{max(3, dimensions)}i", file.read(4 * max(3, dimensions)))[:dimensions]
    if found[1:] != shape:
        raise ValueError(f"it has shape {found}")
    return found[0], TYPES[magic]
