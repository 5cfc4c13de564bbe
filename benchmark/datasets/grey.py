"""Grey images with class labels as a Dataset: images (N, 1, H, W) uint8, or bits drawn once from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.core import Binarisation, Dataset

STATIC_DRAW_SEED = 0


def grey_dataset(
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[Any],
    *,
    factor: str,
    splits: Mapping[str, NDArray[np.int64]],
    binarisation: Binarisation,
    source: str,
) -> Dataset:
    """Images (N, H, W) and labels (N,) with one factor of type label."""
    static = binarisation == "static"
    return Dataset(
        name=name,
        images=static_bits(images) if static else images[:, None],
        shape=(1, *images.shape[1:]),
        storage="bits" if static else "uint8",
        binarisation=binarisation,
        splits=splits,
        factors=labels.astype(np.float64)[:, None],
        factor_names=(factor,),
        factor_types=("label",),
        source=f"{source}, binarised once" if static else source,
    )


def static_bits(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One Bernoulli draw with probability grey / 255 for every pixel, always the same: packed bits (N, bytes)."""
    rng = np.random.default_rng(STATIC_DRAW_SEED)
    # v of the 255 values 0..254 lie below v, so the comparison has probability v / 255 without a float
    lit = rng.integers(0, 255, images.shape, dtype=np.uint8) < images
    return np.packbits(lit.reshape(len(images), -1), axis=1)
