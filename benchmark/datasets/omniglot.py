"""OMNIGLOT: 32,460 drawings of 1,623 characters of 50 alphabets as grey images (1, 28, 28), of Burda's file or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.cache import cached_array
from benchmark.datasets.core import PROBE_SEEN, Binarisation, Dataset, Paths
from benchmark.datasets.download import Checksum
from benchmark.datasets.grey import grey_dataset
from benchmark.datasets.grids import by_image, shrunk
from benchmark.datasets.idx import check_data_dir
from benchmark.datasets.mat5 import real_array
from benchmark.datasets.omniglot_files import drawings, sizes_of_alphabets
from benchmark.datasets.published import PublishedFile, obtain
from benchmark.datasets.splits import Seed, Size, sizes, stratified
from benchmark.store.arrays import reading

SIDE = 28
BURDA = PublishedFile(
    name="chardata.mat",
    folder="omniglot",
    urls=("https://github.com/yburda/iwae/raw/master/datasets/OMNIGLOT/chardata.mat",),
    checksum=Checksum("016a3536ffe5e1d38e42563a18d7a78bfaf643ec", "git", unpacked=False),
    size_limit=100_000_000,
)
COUNTS = {"data": 24_345, "testdata": 8_070}
LABELS = {"data": "target", "testdata": "testtarget"}  # one-hot
ALPHABETS = 50
VALIDATION, ORDER_SEED = 1345, 123


def omniglot(
    paths: Paths, *, binarisation: Binarisation = "dynamic", probe_train: Size = 8000, split_seed: Seed = 0
) -> Dataset:
    """The images, split and order of the released code of Burda et al. (2016): 23,000 / 1,345 / 8,070.

    Grey values are rounded to whole 255ths. No labelled image is left that the VAE does not see but the test images, so
    probes are fit on training images.
    """
    check_data_dir(paths.data_dir)
    table = _burda(paths)
    labels, (first, total) = table[:, 0], (COUNTS["data"], len(table))
    order = np.random.RandomState(ORDER_SEED).permutation(first).astype(np.int64)
    train, validation = order[:-VALIDATION], order[-VALIDATION:]
    wanted = sizes("omniglot", len(train), None, probe=probe_train)
    probe = train[stratified(labels[train], wanted, split_seed)["probe"]]
    data = grey_dataset(
        "omniglot",
        table[:, 1:].reshape(-1, SIDE, SIDE),
        labels,
        factor="alphabet",
        splits={"train": train, "validation": validation, "probe": probe, "test": np.arange(first, total)},
        binarisation=binarisation,
        source="official chardata.mat",
    )
    return replace(data, protocol=PROBE_SEEN)


def omniglot_original(
    paths: Paths,
    *,
    binarisation: Binarisation = "dynamic",
    train: Size | None = None,
    validation: Size = 1345,
    probe_train: Size = 5000,
    test: Size = 8070,
    split_seed: Seed = 0,
) -> Dataset:
    """The original drawings *(Lake et al., 2015)* at 28x28: the share of each pixel's area that is ink, times 255.

    Burda's images were made otherwise, and other drawings are for testing: no number here compares with theirs.
    Identical images are always in the same split.
    """
    check_data_dir(paths.data_dir)
    counts = sizes_of_alphabets()
    labels = np.repeat(np.arange(len(counts)), counts)
    wanted = sizes("omniglot_original", len(labels), train, validation=validation, probe=probe_train, test=test)
    stem = paths.cache_dir / "omniglot_original"
    shape = (len(labels), 1, SIDE, SIDE)
    images = cached_array(
        stem.with_name("omniglot_original.npy"), shape, np.uint8, lambda: map(_small, drawings(paths))
    )
    return grey_dataset(
        "omniglot_original",
        images[:, 0],
        labels,
        factor="alphabet",
        splits=by_image(stem, images, wanted, split_seed),
        binarisation=binarisation,
        source="official drawings",
    )


def _small(ink: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Drawings (n, 105, 105) as grey images (n, 1, 28, 28)."""
    return shrunk(ink[:, None] * np.uint8(255), SIDE)


def _burda(paths: Paths) -> NDArray[np.uint8]:
    """Alphabet and pixels in one row, training images first; kept because unpacking takes a second."""
    shape = (sum(COUNTS.values()), 1 + SIDE * SIDE)
    return cached_array(paths.cache_dir / "omniglot.npy", shape, np.uint8, lambda: _burda_tables(paths))


def _burda_tables(paths: Paths) -> list[NDArray[np.uint8]]:
    path = obtain(BURDA, paths)
    with reading(path, "is not Burda's chardata.mat", f"replace it by {BURDA.urls[0]}"):
        content = path.read_bytes()
        return [_burda_table(content, name) for name in COUNTS]


def _burda_table(content: bytes, name: str) -> NDArray[np.uint8]:
    """Arrays are (784, n), each image column by column, and (50, n)."""
    images, labels = real_array(content, name), real_array(content, LABELS[name])
    expected = (SIDE * SIDE, COUNTS[name]), (ALPHABETS, COUNTS[name])
    if (images.shape, labels.shape) != expected:
        raise ValueError(f"{name} and {LABELS[name]} have shapes {images.shape} and {labels.shape}, not {expected}")
    if not 0 <= images.min() <= images.max() <= 1:
        raise ValueError(f"{name} has values from {images.min():g} to {images.max():g}, not in [0, 1]")
    grey = np.rint(255 * images.T.reshape(-1, SIDE, SIDE).transpose(0, 2, 1)).astype(np.uint8)
    return np.column_stack([labels.argmax(0).astype(np.uint8), grey.reshape(len(grey), -1)])
