"""3D Shapes: 480,000 rendered rooms (3, 64, 64) with six factors, streamed once from the published h5 file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import mapped_images
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grids import SIDE, Axes, Axis, by_row, grid_dataset
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.datasets.splits import Seed, Size, sizes
from benchmark.store.arrays import reading

FILE = PublishedFile(
    name="3dshapes.h5",
    folder="shapes3d",
    urls=("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
    checksum=Checksum("0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785"),
    size_limit=300_000_000,
)
AXES = Axes(
    (
        Axis("floor_hue", 10, "circular"),
        Axis("wall_hue", 10, "circular"),
        Axis("object_hue", 10, "circular"),
        Axis("scale", 8, "discrete"),
        Axis("shape", 4, "discrete"),
        Axis("orientation", 15, "discrete"),  # -30 to 30 degrees, no circle
    )
)
BLOCK = 1 << 12  # images at a time


def shapes3d(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """3D Shapes *(Burgess and Kim, 2018)*, 5.9 GB of bytes in the cache, mapped; hues are circles of 10 values.

    Values are grey levels 0..255 of three colours: a Bernoulli on them gives pseudo-nats. Rows are split at random.
    """
    h5py = _h5py()
    check_data_dir(paths.data_dir)
    wanted = sizes("shapes3d", AXES.total, train, validation=validation, probe=probe_train, test=test)
    shape = (AXES.total, 3, SIDE, SIDE)
    images = mapped_images(paths.cache_dir / "shapes3d.npy", shape, lambda: _blocks(h5py, obtain(FILE, paths)))
    return grid_dataset("shapes3d", AXES, images, by_row(AXES.total, wanted, split_seed), "official h5")


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise ValueError(
            "dataset 'shapes3d' needs h5py, which is not installed; pip install 'betterbound[shapes3d]'"
        ) from error
    return h5py


def _blocks(h5py: ModuleType, path: Path) -> Iterator[NDArray[np.uint8]]:
    """The images, channels first."""
    problem, remedy = "is not the 3D Shapes file", f"replace it by {FILE.urls[0]}"
    with reading(path, problem, remedy), h5py.File(path, "r") as file:
        images, labels = file["images"], file["labels"]
        for name, array, shape in (("images", images, (SIDE, SIDE, 3)), ("labels", labels, (len(AXES),))):
            if array.shape != (AXES.total, *shape):
                raise ValueError(f"{name} have shape {array.shape}")
        if images.dtype != np.uint8 or labels.dtype != np.float64:
            raise ValueError(f"images are of type {images.dtype}, labels of type {labels.dtype}")
        _check_order(labels[:])
        for start in range(0, AXES.total, BLOCK):
            yield images[start : start + BLOCK].transpose(0, 3, 1, 2)


def _check_order(labels: NDArray[np.float64]) -> None:
    """An error unless labels (N, 6) run through the grid with the last one fastest."""
    for values, expected in zip(labels.T, AXES.classes().T, strict=True):
        if not np.array_equal(np.unique(values, return_inverse=True)[1], expected):
            raise ValueError("labels are not in the published order")
