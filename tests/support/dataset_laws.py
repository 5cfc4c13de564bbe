"""What holds of every data set: range, types, shapes, disjoint splits, the same bytes each time."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
from omegaconf import OmegaConf

from benchmark.datasets import SPLITS, Dataset, Lazy
from benchmark.datasets.core import FULL_GRID, HELD_OUT, PROBE_SEEN
from benchmark.datasets.splits import first_identical
from tests.support.choices import ROOT

README = (ROOT / "benchmark/datasets/README.md").read_text(encoding="utf-8")


def target_and_options(name):
    """The function that a YAML names, and its options."""
    options = OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/dataset/{name}.yaml"))
    module, _, function = options.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), function), options


def disjoint(data: Dataset) -> list[str]:
    """The splits that have no image in common."""
    shared = {HELD_OUT: (), FULL_GRID: ("train",), PROBE_SEEN: ("probe",)}[data.protocol]
    return [split for split in SPLITS if split not in shared]


def storage_range_and_shape(name, load):
    data = load.cached(name)
    total, size = len(data.images), int(np.prod(data.shape))
    expected = {
        "uint8": (np.uint8, data.shape),
        "bits": (np.uint8, (-(-size // 8),)),
        "float": (np.float32, data.shape),
    }
    dtype, shape = expected[data.storage]
    assert data.images.dtype == dtype
    assert data.images.shape == (total, *shape)
    assert data.name == name
    assert data.source
    rows = data.splits["test"][:100]
    decoded = data.decoded(rows)
    assert decoded.shape == (len(rows), *data.shape)
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    if data.storage != "float":
        assert decoded.min() == 0
        assert 0.5 < decoded.max() <= 1
    assert (data.storage == "bits") == (data.binarisation == "static")
    assert data.storage != "bits" or set(np.unique(decoded)) == {0, 1}


def splits_are_disjoint_rows(name, load):
    data = load.cached(name)
    assert set(data.splits) == set(SPLITS)
    if data.protocol == FULL_GRID:
        assert np.array_equal(np.sort(data.splits["train"]), np.arange(len(data.images)))
    if data.protocol == PROBE_SEEN:
        assert set(data.splits["probe"]) <= set(data.splits["train"])
    rows = np.concatenate([data.splits[split] for split in disjoint(data)])
    assert rows.dtype == np.int64
    assert min(len(data.splits[split]) for split in SPLITS) > 0
    assert len(np.unique(rows)) == len(rows)
    assert 0 <= rows.min() <= rows.max() < len(data.images)


def no_example_is_in_two_splits(name, load):
    data = load.cached(name)
    if isinstance(data.images, Lazy) and len(data.images) > 100_000:
        data = load.cached("dsprites")  # what is painted must be the other sprite already
        assert all(np.array_equal(data.splits[split], load.cached(name).splits[split]) for split in SPLITS)
    images = data.images[np.arange(len(data.images))]
    rows = np.ascontiguousarray(images).view(np.uint8).reshape(len(images), -1)
    first = first_identical(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8))) if rows.shape[1] % 8 else rows)
    owner = np.full(len(rows), -1)
    for index, split in enumerate(disjoint(data)):
        owner[data.splits[split]] = index
    used = owner >= 0
    lowest, highest = np.full(len(rows), 9), np.full(len(rows), -1)
    np.minimum.at(lowest, first[used], owner[used])
    np.maximum.at(highest, first[used], owner[used])
    assert np.all((lowest == highest) | (highest < 0))


def factors_are_described(name, load):
    data = load.cached(name)
    if data.factors is None:
        assert data.factor_names == data.factor_types == ()
        return
    assert data.factors.dtype == np.float64
    assert data.factors.shape == (len(data.images), len(data.factor_names))
    assert len(data.factor_types) == len(data.factor_names)
    assert data.symmetry is None or data.symmetry.shape == data.factors.shape
    assert set(data.factor_types) <= {"discrete", "continuous", "circular", "label"}
    assert np.isfinite(data.factors).all()
    for values, kind in zip(data.factors.T, data.factor_types, strict=True):
        if kind in ("discrete", "label"):
            assert np.array_equal(np.unique(values), np.arange(values.max() + 1))


def same_call_same_bytes_and_the_seed_matters(name, load):
    assert load(name).checksum == load.cached(name).checksum
    if "split_seed" in inspect.signature(target_and_options(name)[0]).parameters:
        assert load(name, split_seed=1).checksum != load.cached(name).checksum


LAWS = (
    storage_range_and_shape,
    splits_are_disjoint_rows,
    no_example_is_in_two_splits,
    factors_are_described,
    same_call_same_bytes_and_the_seed_matters,
)
