"""What holds of every data set: range, types, shapes, disjoint splits, the same bytes each time."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
from omegaconf import OmegaConf

from benchmark.checks import datasets as laws
from benchmark.datasets import SPLITS, Lazy
from tests.support.choices import ROOT

README = (ROOT / "benchmark/datasets/README.md").read_text(encoding="utf-8")


def target_and_options(name):
    """The function that a YAML names, and its options."""
    options = OmegaConf.to_container(OmegaConf.load(ROOT / f"conf/dataset/{name}.yaml"))
    options.pop("defaults", None)  # of other groups: what likelihood its values go with
    module, _, function = options.pop("_target_").rpartition(".")
    return getattr(importlib.import_module(module), function), options


def storage_range_and_shape(name, load):
    data = load.cached(name)
    laws.storage_range_and_shape(data)
    assert data.name == name
    assert data.storage == "float" or data.decoded(data.splits["test"][:100]).min() == 0


def splits_are_disjoint_rows(name, load):
    laws.splits_are_disjoint_rows(load.cached(name))


def no_example_is_in_two_splits(name, load):
    data = load.cached(name)
    if isinstance(data.images, Lazy) and len(data.images) > 100_000:
        data = load.cached("dsprites")  # what is painted must be the other sprite already
        assert all(np.array_equal(data.splits[split], load.cached(name).splits[split]) for split in SPLITS)
    laws.no_example_is_in_two_splits(data)


def factors_are_described(name, load):
    laws.factors_are_described(load.cached(name))


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
