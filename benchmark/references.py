"""Reference rows: codes (N, D) that no training made, so that every score has a floor and a ceiling beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from metrics.core import Representation
from models.types import Count

FIT_EXAMPLES = 10_000  # PCA is fit on so many training images at most


def pca(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """The first D principal components of the training images, a baseline of *(Higgins et al., 2017)*."""
    from sklearn.decomposition import PCA

    rows = dataset.splits["train"]
    rows = rng.permutation(rows)[:FIT_EXAMPLES]
    pixels = dataset.decoded(rows).reshape(len(rows), -1)
    fitted = PCA(min(latent_dim, *pixels.shape), svd_solver="full" if pixels.shape[1] < 100 else "randomized",
                 random_state=int(rng.integers(2**31))).fit(pixels)  # fmt: skip
    return _point_codes(dataset, lambda part: fitted.transform(dataset.decoded(part).reshape(len(part), -1)))


def truth(dataset: Dataset, rng: np.random.Generator) -> Representation:
    """The factors as codes, a label as one-hot: the ceiling of every metric, which is not 1 for all of them."""
    if dataset.factors is None:
        raise ValueError(f"model=truth needs factors or labels; data set {dataset.name!r} has none (use model=pca)")
    factors = dataset.factors
    columns = []
    for index, kind in enumerate(dataset.factor_types):
        column = factors[:, index]
        columns.append(np.eye(int(column.max()) + 1)[column.astype(int)] if kind == "label" else column[:, None])
    codes = np.concatenate(columns, axis=1)
    return _point_codes(dataset, lambda part: codes[part])


def noise(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """Standard normal codes that are independent of the images: the floor of every metric, which is not 0 for all."""
    return _point_codes(dataset, lambda part: rng.standard_normal((len(part), latent_dim)))


def _point_codes(dataset: Dataset, codes_of: Callable[[np.ndarray], np.ndarray]) -> Representation:
    def arrays(split: str, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        mean = np.asarray(codes_of(rows), dtype=np.float64)
        return mean, np.zeros_like(mean), mean

    return representation_of(dataset, arrays, deterministic=True)
