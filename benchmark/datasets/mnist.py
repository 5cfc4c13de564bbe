"""MNIST and Fashion-MNIST: 70,000 grey images (1, 28, 28) of ten classes each, from their official files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.core import PROBE_SEEN, Binarisation, Dataset, Paths
from benchmark.datasets.grey import grey_dataset
from benchmark.datasets.idx import Parts, Source, load
from benchmark.datasets.splits import Seed, Size, sizes, stratified

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
BURDA_VALIDATION = 400
MNIST = Source(
    title="MNIST",
    folder="mnist",
    folders=("mnist", "MNIST", "MNIST/raw"),
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    sha256=dict(
        zip(
            NAMES,
            (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
            strict=True,
        )
    ),
)
FASHION_MNIST = Source(
    title="Fashion-MNIST",
    folder="fashion-mnist",
    folders=("fashion-mnist", "fashion_mnist", "FashionMNIST", "FashionMNIST/raw"),
    mirrors=(
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    sha256=dict(
        zip(
            NAMES,
            (
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
            strict=True,
        )
    ),
)


def mnist(
    paths: Paths,
    *,
    binarisation: Binarisation = "dynamic",
    train: Size | None = None,
    validation: Size = 5000,
    probe_train: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """Handwritten digits *(LeCun et al., 1998)*; probe_train are labelled images that the VAE never sees."""
    parts = load(MNIST, paths)
    wanted = sizes("mnist", len(parts.train_labels), train, validation=validation, probe=probe_train)
    return _dataset("mnist", parts, "digit", binarisation, stratified(parts.train_labels, wanted, split_seed))


def mnist_burda(
    paths: Paths, *, binarisation: Binarisation = "dynamic", probe_train: Size = 10_000, split_seed: Seed = 0
) -> Dataset:
    """`mnist` as the released code of Burda et al. (2016) splits it: 59,600 training images in the order of the files.

    The last 400 are for validation. No labelled image is left that the VAE does not see but the test images, so probes
    are fit on training images.
    """
    parts = load(MNIST, paths)
    train = np.arange(len(parts.train_labels) - BURDA_VALIDATION)
    wanted = sizes("mnist_burda", len(train), None, probe=probe_train)
    probe = stratified(parts.train_labels[train], wanted, split_seed)["probe"]
    splits = {"train": train, "validation": len(train) + np.arange(BURDA_VALIDATION), "probe": probe}
    return replace(_dataset("mnist_burda", parts, "digit", binarisation, splits), protocol=PROBE_SEEN)


def fashion_mnist(
    paths: Paths,
    *,
    binarisation: Binarisation = "dynamic",
    train: Size | None = None,
    validation: Size = 5000,
    probe_train: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """Pieces of clothing *(Xiao et al., 2017)*; probe_train are labelled images that the VAE never sees."""
    parts = load(FASHION_MNIST, paths)
    wanted = sizes("fashion_mnist", len(parts.train_labels), train, validation=validation, probe=probe_train)
    splits = stratified(parts.train_labels, wanted, split_seed)
    return _dataset("fashion_mnist", parts, "article", binarisation, splits)


def _dataset(
    name: str, parts: Parts, factor: str, binarisation: Binarisation, splits: dict[str, NDArray[np.int64]]
) -> Dataset:
    """Training images first, then the official test images, which are the test split as they are."""
    total = len(parts.train_labels)
    return grey_dataset(
        name,
        np.concatenate([parts.train_images, parts.test_images]),
        np.concatenate([parts.train_labels, parts.test_labels]),
        factor=factor,
        splits={**splits, "test": np.arange(total, total + len(parts.test_labels))},
        binarisation=binarisation,
        source="official idx files",
    )
