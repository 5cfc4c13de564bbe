"""Vectors (n,) from a linear-Gaussian model whose moments hold exactly in every split, for closed-form answers."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt, Le, MinLen
from numpy.typing import NDArray

from benchmark.datasets.core import SPLITS, Dataset, Paths
from benchmark.datasets.splits import Seed, Size

Variance = Annotated[float, Gt(0), Le(1e12)]  # examples are float32, and what is made of them is squared again
EIGENVALUES = (16.0, 8.0, 4.0, 2.0, 1.0, 0.5, 0.25, 0.125)
GRID = 2.0**20  # values are rounded to 1 / GRID, so that the last bits of a platform's linear algebra do not matter


def linear_gaussian(
    paths: Paths,
    *,
    eigenvalues: Annotated[tuple[Variance, ...], MinLen(1)] = EIGENVALUES,
    num_examples: Size = 2048,
    split_seed: Seed = 0,
) -> Dataset:
    """x = U diag(sqrt l) z, U a random rotation; every split has mean 0 and covariance U diag(l) U^T, eigenvalues l.

    A split has num_examples; its moments divide by N and hold to about 1e-7. The factors are the whitened z_1 ... z_n.
    With them the rate-distortion curve of a linear VAE is known *(Tipping and Bishop, 1999; Huang et al., 2020)*.
    """
    variances = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    size = len(variances)
    if not size or not np.all(variances > 0):
        raise ValueError(f"eigenvalues={list(eigenvalues)} are not all positive; give one or more positive numbers")
    if num_examples <= size:
        raise ValueError(f"num_examples={num_examples} cannot have {size} exact eigenvalues; give more than {size}")
    rng = np.random.default_rng(split_seed)
    rotation = _rotation(rng, size)
    latents = np.concatenate([_whitened(rng.standard_normal((num_examples, size))) for _ in SPLITS])
    rows = np.arange(len(latents)).reshape(len(SPLITS), -1)
    return Dataset(
        name="linear_gaussian",
        images=_rounded((latents * np.sqrt(variances)) @ rotation.T).astype(np.float32),
        shape=(size,),
        storage="float",
        binarisation="none",
        splits=dict(zip(SPLITS, rows, strict=True)),
        factors=_rounded(latents),
        factor_names=tuple(f"z_{index}" for index in range(1, size + 1)),
        factor_types=("continuous",) * size,
        source="generated",
        exact={"eigenvalues": variances.tolist(), "entropy": 0.5 * float(np.log(2 * np.pi * np.e * variances).sum())},
    )


def _rotation(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """A random orthogonal matrix, uniform *(Mezzadri, 2007)*."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.sign(np.diag(r))


def _whitened(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest points with mean exactly zero and covariance exactly the identity."""
    left, _, right = np.linalg.svd(sample - sample.mean(axis=0), full_matrices=False)
    return np.sqrt(len(sample)) * left @ right


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(values * GRID) / GRID
