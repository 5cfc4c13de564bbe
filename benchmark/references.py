"""Reference rows: codes (N, D) that no training made, so that every score has a floor and a ceiling beside it."""

from __future__ import annotations

import numpy as np

from benchmark.datasets import Dataset
from benchmark.encode import with_factors
from metrics.core import Representation
from models.types import Count

FIT_EXAMPLES = 10_000  # PCA is fit on so many training images at most


def pca(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """The first D principal components of the training images, D at most the number of pixels *(Higgins et al., 2017)*."""
    from sklearn.decomposition import PCA

    rows = dataset.splits["train"]
    rows = rng.permutation(rows)[:FIT_EXAMPLES]
    pixels = dataset.decoded(rows).reshape(len(rows), -1)
    fitted = PCA(min(latent_dim, *pixels.shape), svd_solver="full" if pixels.shape[1] < 100 else "randomized",
                 random_state=int(rng.integers(2**31))).fit(pixels)  # fmt: skip
    return _deterministic(dataset, lambda part: fitted.transform(dataset.decoded(part).reshape(len(part), -1)))


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
    return _deterministic(dataset, lambda part: codes[part])


def noise(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """Standard normal codes that are independent of the images: the floor of every metric, which is not 0 for all."""
    return _deterministic(dataset, lambda part: rng.standard_normal((len(part), latent_dim)))


def _deterministic(dataset: Dataset, codes_of: object) -> Representation:
    parts = []
    for split in ("probe", "test"):
        rows = dataset.splits[split]
        mean = np.asarray(codes_of(rows), dtype=np.float64)  # type: ignore[operator]
        parts.append(with_factors(dataset, rows, mean, np.zeros_like(mean), mean))
    return Representation(*parts, deterministic=True)
