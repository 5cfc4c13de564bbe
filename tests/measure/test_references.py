"""Reference codes: baselines that know what they should, and no more."""

import numpy as np
import pytest

from benchmark.datasets import Dataset
from benchmark.measure.references import ica, pca, pixels, random_rotation, rotated_truth, truth
from tests.support.choices import image_dataset


def mixed_sources(n: int = 4000) -> tuple[Dataset, np.ndarray]:
    """Three independent uniform sources mixed into six numbers."""
    rng = np.random.default_rng(3)
    sources = rng.uniform(-1, 1, (n, 3))
    images = (sources @ rng.standard_normal((3, 6))).astype(np.float32)
    splits = {name: np.arange(i, n, 4) for i, name in enumerate(("train", "validation", "probe", "test"))}
    found = Dataset("mixed", images, (6,), "float", "none", splits, sources, ("a", "b", "c"), ("continuous",) * 3)
    return found, sources


def best_correlations(codes: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """|correlation| of each source with the axis that follows it best."""
    return np.abs(np.corrcoef(codes.T, sources.T)[: codes.shape[1], codes.shape[1] :]).max(axis=0)


def test_independent_components_are_found_where_principal_ones_are_not():
    dataset, sources = mixed_sources()
    test = sources[dataset.splits["test"]]
    found = ica(dataset, np.random.default_rng(0), latent_dim=3).test.mean
    principal = pca(dataset, np.random.default_rng(0), latent_dim=3).test.mean
    assert best_correlations(found, test).min() > 0.98
    assert best_correlations(principal, test).min() < 0.95
    again = ica(dataset, np.random.default_rng(0), latent_dim=3).test.mean
    assert np.array_equal(found, again)


def test_more_components_than_the_images_have_are_cut():
    dataset = image_dataset((1, 3, 3))
    assert ica(dataset, np.random.default_rng(0), latent_dim=50).test.mean.shape[1] == 9


def test_pixels_are_the_images():
    dataset = image_dataset((2, 3, 4))
    rows = dataset.splits["test"]
    assert np.array_equal(pixels(dataset, np.random.default_rng(0)).test.mean, dataset.decoded(rows).reshape(-1, 24))


def test_the_rotated_truth_keeps_distances_and_no_axis():
    dataset, sources = mixed_sources()
    turned = rotated_truth(dataset, np.random.default_rng(1)).test.mean
    plain = sources[dataset.splits["test"]] / sources.std(axis=0)
    assert np.allclose(np.linalg.norm(turned[1:] - turned[:-1], axis=1), np.linalg.norm(plain[1:] - plain[:-1], axis=1))
    assert best_correlations(turned, plain).max() < 0.99
    other = rotated_truth(dataset, np.random.default_rng(2)).test.mean
    assert not np.allclose(turned, other)


def test_rotations_are_orthogonal():
    turn = random_rotation(7, np.random.default_rng(0))
    assert np.allclose(turn @ turn.T, np.eye(7))


def test_no_factors_no_truth():
    dataset, _ = mixed_sources()
    bare = Dataset("bare", dataset.images, (6,), "float", "none", dataset.splits)
    for model in (truth, rotated_truth):
        with pytest.raises(ValueError, match=f"model={model.__name__} needs factors or labels; data set 'bare' has no"):
            model(bare, np.random.default_rng(0))
