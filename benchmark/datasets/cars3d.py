"""Cars3D: 17,568 renderings (3, 64, 64) of 183 cars from 4 elevations and 24 azimuths, from the published archive."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grids import SIDE, Axes, Axis, by_image, grid_dataset, shrunk
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.mat5 import MOST_BYTES, uint8_array
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.datasets.splits import Seed, Size, sizes
from benchmark.store.arrays import reading

NAME = "nips2015-analogy-data.tar.gz"
FILE = PublishedFile(
    name=NAME,
    folder="cars3d",
    urls=(f"https://www.scottreed.info/files/{NAME}",),
    checksum=Checksum("4e866a7919c1beedf53964e6f7a23686", "md5", unpacked=False),
    size_limit=1_000_000_000,
    page=f"http://www.scottreed.info/files/{NAME}",  # the published address; we fetch over https only
)
AXES = Axes((Axis("elevation", 4, "discrete"), Axis("azimuth", 24, "circular"), Axis("object", 183, "discrete")))
ORIGINAL = 128  # pixels
MESH = re.compile(r"(?:.*/)?cars/[^./][^/]*\.mat")


def cars3d(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 1000,
    probe_train: Size = 3000,
    test: Size = 3000,
    split_seed: Seed = 0,
) -> Dataset:
    """Cars3D *(Reed et al., 2015)*, cars in the order of their sorted file names, 128x128 averaged to 64x64 by 2x2.

    Values are grey levels 0..255 of three colours: a Bernoulli on them gives pseudo-nats. Identical images are always
    in the same split.
    """
    check_data_dir(paths.data_dir)
    wanted = sizes("cars3d", AXES.total, train, validation=validation, probe=probe_train, test=test)
    stem = paths.cache_dir / "cars3d"
    shape = (AXES.total, 3, SIDE, SIDE)
    images = cached_array(stem.with_name("cars3d.npy"), shape, np.uint8, lambda: [_images(obtain(FILE, paths))])
    return grid_dataset("cars3d", AXES, images, by_image(stem, images, wanted, split_seed), "official tar.gz")


def _images(path: Path) -> NDArray[np.uint8]:
    """All images in the order elevation, azimuth, object: files follow one another by object."""
    with reading(path, "is not the Cars3D archive", f"replace it by {FILE.page}"):
        cars = dict(_cars(path))
        if len(cars) != AXES.sizes[2]:
            raise ValueError(f"it has {len(cars)} cars, not {AXES.sizes[2]}")
        return np.stack([cars[name] for name in sorted(cars)], axis=1).reshape(-1, 3, SIDE, SIDE)


def _cars(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Name and small images (4 * 24, 3, 64, 64) of each car; nothing is unpacked to disk."""
    with tarfile.open(path, "r|gz") as archive:  # a stream goes forwards only, whatever a damaged header says
        for entry in archive:
            if entry.isfile() and MESH.fullmatch(entry.name):
                if entry.size > MOST_BYTES:
                    raise ValueError(f"{entry.name} has {entry.size} bytes")
                file = archive.extractfile(entry)
                assert file is not None
                yield entry.name, _car(file.read(), entry.name)


def _car(content: bytes, name: str) -> NDArray[np.uint8]:
    mesh = uint8_array(content, "im")  # (y, x, colour, azimuth, elevation)
    elevations, azimuths, _ = AXES.sizes
    if mesh.shape != (ORIGINAL, ORIGINAL, 3, azimuths, elevations):
        raise ValueError(f"im of {name} has shape {mesh.shape}")
    return shrunk(mesh.transpose(4, 3, 2, 0, 1).reshape(-1, 3, ORIGINAL, ORIGINAL))
