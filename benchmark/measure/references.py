"""Reference rows: codes (N, D) that no training made, so that every score has a floor and a ceiling beside it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmark.datasets import Dataset
from benchmark.measure.encode import PARTS, Encoded, representation_of
from metrics.core import Representation
from models.types import Count

FIT_EXAMPLES = 10_000  # PCA and ICA are fit on so many training images at most
ITERATIONS = 400  # of FastICA


def pca(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """The first D principal components of the training images, a baseline of *(Higgins et al., 2017)*."""
    fitted = _fitted_pca(_training_pixels(dataset, rng), latent_dim, rng)
    return _point_codes(dataset, lambda part: fitted.transform(_pixels(dataset, part)))


def ica(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """D independent components (FastICA; Hyvarinen and Oja, 2000) in the plane of the first D principal ones.

    The other linear baseline of *(Higgins et al., 2017)*: unit variance on the training images, order and signs by
    chance of the seed. What FastICA reaches in ITERATIONS is taken, converged or not: there may be fewer independent
    directions than D, and then none to converge to.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    pixels = _training_pixels(dataset, rng)
    plane = _fitted_pca(pixels, latent_dim, rng)
    turned = FastICA(whiten="unit-variance", max_iter=ITERATIONS, tol=1e-3, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        turned.fit(plane.transform(pixels))
    return _point_codes(dataset, lambda part: turned.transform(plane.transform(_pixels(dataset, part))))


def pixels(dataset: Dataset, rng: np.random.Generator) -> Representation:
    """The image itself as code, a baseline of *(Higgins et al., 2017)*; metrics for narrow codes say they are not."""
    return _point_codes(dataset, lambda part: _pixels(dataset, part))


def truth(dataset: Dataset, rng: np.random.Generator) -> Representation:
    """The factors as codes, a label as one-hot: the ceiling of every metric, which is not 1 for all of them."""
    codes = _true_codes(dataset, "truth")
    return _point_codes(dataset, lambda part: codes[part])


def rotated_truth(dataset: Dataset, rng: np.random.Generator) -> Representation:
    """The standardised factors, turned by a random rotation: everything a linear probe needs, and no axis means one
    factor; what a score of axes gives here is no disentanglement *(Locatello et al., 2019, Theorem 1)*."""
    codes = _true_codes(dataset, "rotated_truth")
    spread = codes.std(axis=0)
    codes = (codes - codes.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    turn = random_rotation(codes.shape[1], rng)
    return _point_codes(dataset, lambda part: codes[part] @ turn)


def noise(dataset: Dataset, rng: np.random.Generator, *, latent_dim: Count = 10) -> Representation:
    """Standard normal codes that are independent of the images: the floor of every metric, which is not 0 for all."""
    return _point_codes(dataset, lambda part: rng.standard_normal((len(part), latent_dim)))


def random_rotation(dimensions: int, rng: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix (D, D) from the uniform (Haar) distribution *(Stewart, 1980)*."""
    q, r = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))
    return q * np.sign(np.diag(r))


def _pixels(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    return dataset.decoded(rows).reshape(len(rows), -1)


def _training_pixels(dataset: Dataset, rng: np.random.Generator) -> np.ndarray:
    return _pixels(dataset, rng.permutation(dataset.splits["train"])[:FIT_EXAMPLES])


def _fitted_pca(pixels: np.ndarray, dimensions: int, rng: np.random.Generator) -> Any:
    from sklearn.decomposition import PCA

    solver = "full" if pixels.shape[1] < 100 else "randomized"
    return PCA(min(dimensions, *pixels.shape), svd_solver=solver, random_state=int(rng.integers(2**31))).fit(pixels)


def _true_codes(dataset: Dataset, model: str) -> np.ndarray:
    """The factors (N, F), a label as one-hot."""
    if dataset.factors is None:
        raise ValueError(f"model={model} needs factors or labels; data set {dataset.name!r} has none (use model=pca)")
    columns = []
    for column, kind in zip(dataset.factors.T, dataset.factor_types, strict=True):
        columns.append(np.eye(int(column.max()) + 1)[column.astype(int)] if kind == "label" else column[:, None])
    return np.concatenate(columns, axis=1)


def _point_codes(dataset: Dataset, codes_of: Callable[[np.ndarray], np.ndarray]) -> Representation:
    return representation_of(dataset, {part: Encoded.points(codes_of(dataset.splits[part])) for part in PARTS})
