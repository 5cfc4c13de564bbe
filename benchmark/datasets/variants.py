"""A Dataset made from another: correlated factors, training on the full grid, sprites in colour or in noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.core import FULL_GRID, Dataset, Lazy
from benchmark.datasets.splits import first_identical, grouped, sizes

Paint = Callable[[NDArray[np.uint8], NDArray[np.int64]], NDArray[np.uint8]]
STREAMS = {"colour": 1, "noise": 2}


def on_full_grid(data: Dataset, name: str, seed: int) -> Dataset:
    """All images as training images, in random order; the other splits as they are, so the VAE has seen them."""
    train = np.random.default_rng(seed).permutation(len(data.images)).astype(np.int64)
    return replace(data, name=name, splits={**data.splits, "train": train}, protocol=FULL_GRID)


def correlated(
    data: Dataset, name: str, pair: tuple[str, str], sigma: float, train: int | None, validation: int, seed: int
) -> Dataset:
    """Training and validation images thinned so that two factors correlate; probe and test images as they are.

    An image stays with probability exp(-(f1 - f2)^2 / (2 sigma^2)), factors scaled to 0..1 *(Traeuble et al., 2021)*.
    """
    pool = np.sort(np.concatenate([data.splits["train"], data.splits["validation"]]))
    chance = np.random.default_rng(seed).random(len(data.images))[pool]
    kept = pool[chance < _closeness(data, name, pair, sigma)[pool]]
    wanted = sizes(name, len(kept), train, validation=validation)
    images = data.images[kept]
    parts = grouped(first_identical(images), {**wanted, "probe": 0, "test": 0}, seed)
    splits = {**data.splits, "train": kept[parts["train"]], "validation": kept[parts["validation"]]}
    source = f"{data.source}, {pair[0]} and {pair[1]} correlated in training (sigma {sigma:g})"
    return replace(data, name=name, splits=splits, source=source)


def _closeness(data: Dataset, name: str, pair: tuple[str, str], sigma: float) -> NDArray[np.float64]:
    for factor in pair:
        if factor not in data.factor_names:
            raise ValueError(f"{name}.factors={list(pair)}: no factor {factor!r}; choose of {list(data.factor_names)}")
    if pair[0] == pair[1]:
        raise ValueError(f"{name}.factors={list(pair)}: a factor correlates with itself already; name two")
    assert data.factors is not None
    first, second = (data.factors[:, data.factor_names.index(factor)] for factor in pair)
    return np.exp(-((first / first.max() - second / second.max()) ** 2) / (2 * sigma**2))


def painted(data: Dataset, name: str, paint: Paint) -> Dataset:
    """Sprites (packed bits) painted when they are asked for, as three colours of 0..255; nothing of it is stored."""
    bits, side = data.images, data.shape[-1]

    def gather(rows: NDArray[Any]) -> NDArray[np.uint8]:
        rows = np.arange(len(bits))[rows]
        lit = np.unpackbits(bits[rows], axis=1).reshape(-1, 1, side, side)
        return paint(lit, rows)

    images = Lazy((len(bits), 3, side, side), gather, f"{data.checksum} {name}")
    source = f"{data.source}, painted"
    return replace(data, name=name, images=images, shape=images.shape[1:], storage="uint8", binarisation="none",
                   source=source, exact={})  # fmt: skip


def in_colour(lit: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Sprites (n, 1, H, W) times a colour of their own, uniform on 128..255 in each channel: (n, 3, H, W)."""
    colours = 128 + random_bytes(rows, 3, "colour") // 2
    return lit * colours[:, :, None, None]


def in_noise(lit: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """White sprites (n, 1, H, W) before noise of their own, uniform on 0..255 in each pixel and channel."""
    shape = (len(lit), 3, *lit.shape[2:])
    return np.maximum(random_bytes(rows, int(np.prod(shape[1:])), "noise").reshape(shape), 255 * lit)


def random_bytes(rows: NDArray[np.int64], count: int, stream: str) -> NDArray[np.uint8]:
    """Uniform bytes (n, count) that depend on row, position and stream alone: splitmix64 *(Steele et al., 2014)*."""
    words = -(-count // 8)
    state = (rows[:, None] * words + np.arange(1, words + 1)).astype(np.uint64)
    state += np.uint64(STREAMS[stream] << 56)
    state *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        state ^= state >> np.uint64(shift)
        state *= np.uint64(factor)
    return state.astype("<u8").view(np.uint8)[:, :count]
