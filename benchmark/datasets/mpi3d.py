"""MPI3D: 1,036,800 images (3, 64, 64) of a robot arm with seven factors, drawn or photographed, from published npz."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import mapped_images
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grids import SIDE, Axes, Axis, by_row, grid_dataset
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.datasets.splits import Seed, Size, sizes
from benchmark.store.arrays import blocks, opened, reading

Variant = Literal["toy", "realistic", "real"]
MD5 = {
    "toy": "55889cb7c7dfc655d6e0277beee88868",
    "realistic": "59a6225b88b635365f70c91b3e52f70f",
    "real": "0f33f609918fb5c97996692f91129802",
}
MIRRORS = (
    "https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/",
    "https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/",
)
AXES = Axes(
    (
        Axis("color", 6, "discrete"),
        Axis("shape", 6, "discrete"),
        Axis("size", 2, "discrete"),
        Axis("camera_height", 3, "discrete"),
        Axis("background", 3, "discrete"),
        Axis("horizontal_axis", 40, "discrete"),
        Axis("vertical_axis", 40, "discrete"),
    )
)
SIZE_LIMIT = 14_000_000_000  # unpacked they are 12.7 GB
BLOCK = 1 << 12  # images at a time


def mpi3d(
    paths: Paths,
    *,
    variant: Variant = "toy",
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """MPI3D *(Gondal et al., 2019)*: toy and realistic renderings or real photographs, 12.7 GB in the cache, mapped.

    Values are grey levels 0..255 of three colours: a Bernoulli on them gives pseudo-nats. Rows are split at random.
    """
    check_data_dir(paths.data_dir)
    wanted = sizes("mpi3d", AXES.total, train, validation=validation, probe=probe_train, test=test)
    shape, file = (AXES.total, 3, SIDE, SIDE), published(variant)
    path = paths.cache_dir / f"mpi3d-{variant}.npy"
    images = mapped_images(path, shape, lambda: _blocks(obtain(file, paths)))
    splits = by_row(AXES.total, wanted, split_seed)
    return grid_dataset("mpi3d", AXES, images, splits, f"official npz ({variant})")


def published(variant: Variant) -> PublishedFile:
    """The file of a variant, known by its md5, the only published checksum."""
    name = f"mpi3d_{variant}.npz"
    urls = tuple(f"{mirror}{name}" for mirror in MIRRORS)
    return PublishedFile(name, "mpi3d", urls, Checksum(MD5[variant], "md5", unpacked=False), SIZE_LIMIT)


def _blocks(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The images, channels first."""
    with reading(path, "is not an MPI3D file", f"replace it by {MIRRORS[0]}{path.name}"), opened(path) as archive:
        for block in blocks(archive, "images", (AXES.total, SIDE, SIDE, 3), BLOCK):
            yield block.transpose(0, 3, 1, 2)
