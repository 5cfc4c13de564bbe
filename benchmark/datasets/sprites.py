"""Sprites: every combination of shape, scale, orientation and position as black and white images (1, H, W)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets import official
from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.render import FOLDS, SHAPES, centres, poses, render
from benchmark.datasets.splits import Seed, Size, entropy, first_identical, grouped, sizes

FACTORS = ("shape", "scale", "orientation", "pos_x", "pos_y")
TYPES = ("discrete", "discrete", "circular", "discrete", "discrete")


class Grid(NamedTuple):
    """How many values each factor takes; the last one changes fastest."""

    canvas: int  # pixels along each side
    scales: int  # evenly from 0.5 to 1
    orientations: int
    closed: bool  # whether the last orientation is a full turn and so repeats the first
    positions: int  # along each axis

    @property
    def sizes(self) -> tuple[int, ...]:
        """Values of shape, scale, orientation, pos_x, pos_y."""
        return (len(SHAPES), self.scales, self.orientations, self.positions, self.positions)

    @property
    def total(self) -> int:
        """Number of images."""
        return int(np.prod(self.sizes))

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """All images in order as packed bits, one shape and scale at a time."""
        angles = np.linspace(0, 2 * np.pi, self.orientations, endpoint=self.closed)
        middles = centres(self.positions, self.canvas)
        for shape in SHAPES:
            for scale in np.linspace(0.5, 1, self.scales):
                yield render(poses(shape, scale, angles, self.canvas), middles, middles, self.canvas)

    def factors(self) -> NDArray[np.float64]:
        """Class indices (N, 5); an orientation of a full turn is stored as 0, since its images are those of 0."""
        values = np.indices(self.sizes, dtype=np.float64).reshape(len(self.sizes), -1).T
        if self.closed:
            values[:, 2] %= self.orientations - 1
        return np.ascontiguousarray(values)

    def symmetry(self) -> NDArray[np.int8]:
        """Folds (N, 5): orientation has those of the shape, all others 1."""
        folds = np.ones((self.total, len(self.sizes)), dtype=np.int8)
        folds[:, 2] = np.repeat(FOLDS, self.total // len(FOLDS))
        return folds


DSPRITES = Grid(canvas=64, scales=6, orientations=40, closed=True, positions=32)
SPRITES = Grid(canvas=32, scales=4, orientations=15, closed=False, positions=14)


def dsprites(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """dSprites *(Matthey et al., 2017)*: 737,280 images of 64x64 pixels, regenerated unless data_dir has the npz.

    Orientation has 40 indices of which the last repeats the first: both are stored as 0, which leaves 39 values.
    Identical images (715,706 of the regenerated ones are distinct) are always in the same split.
    """
    check_data_dir(paths.data_dir)
    wanted = sizes("dsprites", DSPRITES.total, train, validation=validation, probe=probe_train, test=test)
    path = official.find(paths.data_dir)
    if path is None:
        return _dataset("dsprites", DSPRITES, paths.cache_dir / "dsprites", DSPRITES.blocks, wanted, split_seed)
    official.check_order(path, DSPRITES.sizes)
    stem = paths.cache_dir / f"dsprites-npz-{official.stamp(path)}"
    bits = lambda: official.packed(path, DSPRITES.total, DSPRITES.canvas)  # noqa: E731
    return _dataset("dsprites", DSPRITES, stem, bits, wanted, split_seed, official.source_of(path))


def sprites(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 2000,
    probe_train: Size = 3000,
    test: Size = 3000,
    split_seed: Seed = 0,
) -> Dataset:
    """A small dSprites: 3 shapes, 4 scales, 15 orientations, 14 x 14 positions, 35,280 images of 32x32 pixels.

    Half the size of dSprites in each direction, with the same outlines. The full turn is left out, and 15 shares no
    factor with the square's four-fold and the ellipse's two-fold symmetry, so every pose is another shape;
    34,655 images are distinct (two turns of the smallest square can light the same pixels), and identical ones
    are always in the same split.
    """
    wanted = sizes("sprites", SPRITES.total, train, validation=validation, probe=probe_train, test=test)
    return _dataset("sprites", SPRITES, paths.cache_dir / "sprites", SPRITES.blocks, wanted, split_seed)


def _dataset(
    name: str,
    grid: Grid,
    stem: Path,
    blocks: Callable[[], Iterator[NDArray[np.uint8]]],
    wanted: dict[str, int],
    seed: int,
    source: str = "regenerated",
) -> Dataset:
    """Images and groups from the cache at stem, made there the first time."""
    shape = (grid.total, grid.canvas**2 // 8)
    images = cached_array(stem.with_name(f"{stem.name}.npy"), shape, np.uint8, blocks)
    groups = stem.with_name(f"{stem.name}-first-identical.npy")
    first = cached_array(groups, shape[:1], np.int32, lambda: [first_identical(images)])
    return Dataset(
        name=name,
        images=images,
        shape=(1, grid.canvas, grid.canvas),
        storage="bits",
        binarisation="static",
        splits=grouped(first, wanted, seed),
        factors=grid.factors(),
        factor_names=FACTORS,
        factor_types=TYPES,
        symmetry=grid.symmetry(),
        source=source,
        exact={"entropy": entropy(first)},
    )
