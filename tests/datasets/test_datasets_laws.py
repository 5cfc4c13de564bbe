"""Laws of splits and of Gaussian data, on small examples."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets import Paths
from benchmark.datasets.gaussian import linear_gaussian
from benchmark.datasets.splits import first_identical, grouped, sizes, stratified

NOWHERE = Paths(None, Path("unused"))


def test_linear_gaussian_has_exact_moments_in_every_split():
    data = linear_gaussian(NOWHERE, eigenvalues=[0.5, 9.0, 2.0], num_examples=50)
    assert data.exact["eigenvalues"] == [9.0, 2.0, 0.5]
    covariances = []
    for rows in data.splits.values():
        x, z = data.images[rows].astype(np.float64), data.factors[rows]
        assert len(rows) == 50
        assert np.abs(x.mean(axis=0)).max() < 1e-6
        assert np.abs(z.mean(axis=0)).max() < 1e-6
        assert np.allclose(z.T @ z / 50, np.eye(3), atol=1e-5)
        covariances.append(x.T @ x / 50)
        assert np.allclose(np.linalg.eigvalsh(covariances[-1])[::-1], [9, 2, 0.5], rtol=1e-5)
        mixing = np.linalg.lstsq(z, x, rcond=None)[0]
        assert np.allclose(z @ mixing, x, atol=1e-5)  # the factors are the latents that made x
    assert np.allclose(covariances, covariances[0], atol=1e-5)
    with pytest.raises(ValueError, match="num_examples=3"):
        linear_gaussian(NOWHERE, eigenvalues=[1.0, 2.0, 3.0], num_examples=3)
    with pytest.raises(ValueError, match="not all positive"):
        linear_gaussian(NOWHERE, eigenvalues=[1.0, -2.0])


def test_first_identical_names_the_first_row():
    images = np.random.default_rng(0).integers(0, 2, (5000, 8), dtype=np.uint8)
    images[:, 1:] = 0
    images[:, 0] += 2 * (np.arange(5000) % 7).astype(np.uint8)
    _, index, inverse = np.unique(images, axis=0, return_index=True, return_inverse=True)
    assert np.array_equal(first_identical(images), index[inverse.ravel()])


def test_grouped_splits_have_exact_sizes():
    first = np.repeat(np.arange(0, 300, 3), 3)
    first = np.concatenate([first, np.arange(300, 400)])
    splits = grouped(first, {"train": 200, "validation": 50, "probe": 70, "test": 80}, seed=0)
    assert {name: len(rows) for name, rows in splits.items()} == {
        "train": 200,
        "validation": 50,
        "probe": 70,
        "test": 80,
    }
    assert len(set.union(*(set(first[rows]) for rows in splits.values()))) == sum(
        len(set(first[rows])) for rows in splits.values()
    )


def test_stratified_splits_of_unequal_classes():
    labels = np.repeat([0, 1, 2], [10, 100, 890])
    splits = stratified(labels, sizes("toy", 1000, None, validation=100, probe=300, test=100), seed=3)
    for name, size in {"train": 500, "validation": 100, "probe": 300, "test": 100}.items():
        counts = np.bincount(labels[splits[name]], minlength=3)
        assert counts.sum() == size
        assert np.abs(counts - size * np.array([0.01, 0.1, 0.89])).max() <= 1
