"""Grey images with their labels: vectors (n,) uint8 of pixels and then the one-hot label, which alone is scored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.digits import digits
from benchmark.datasets.mnist import mnist
from benchmark.datasets.splits import Seed, Size


def labelled(name: str, data: Dataset) -> Dataset:
    """Grey images with one factor, a label: levels 0..255, then 255 in the place of the class and 0 elsewhere."""
    assert data.factors is not None
    labels = data.factors[:, 0].astype(np.int64)
    ends = np.eye(labels.max() + 1, dtype=np.uint8)[labels] * np.uint8(255)
    pixels = np.asarray(data.images).reshape(len(labels), -1)
    vectors = np.concatenate([pixels, ends], axis=1)
    return replace(data, name=name, images=vectors, shape=vectors.shape[1:], labels=ends.shape[1])


def mnist_with_labels(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 5000,
    probe_train: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """`mnist` as it is classified from 784 grey levels *(Alemi et al., 2017)*: vectors of 794."""
    data = mnist(
        paths,
        binarisation="none",
        train=train,
        validation=validation,
        probe_train=probe_train,
        split_seed=split_seed,
    )
    return labelled("mnist_with_labels", data)


def digits_with_labels(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 150,
    probe_train: Size = 400,
    test: Size = 400,
    split_seed: Seed = 0,
) -> Dataset:
    """`digits` with their labels: vectors of 74."""
    data = digits(
        paths,
        binarisation="none",
        train=train,
        validation=validation,
        probe_train=probe_train,
        test=test,
        split_seed=split_seed,
    )
    return labelled("digits_with_labels", data)
