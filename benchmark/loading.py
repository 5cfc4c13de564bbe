"""Data sets by configuration, kept in the process that loaded them; devices; comparison groups."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import torch
from platformdirs import user_cache_dir

from benchmark.configuration import Component, ConfigurationError, Plan, Settings
from benchmark.datasets import Dataset, Paths
from benchmark.datasets.core import HELD_OUT


def load_dataset(component: Component, settings: Settings) -> Dataset:
    """The data set of a configuration; the last ones stay in memory, for a sweep asks for them again and again."""
    cache = settings.cache_dir or Path(user_cache_dir("betterbound"))
    data = settings.data_dir.expanduser() if settings.data_dir else None
    return _load(component.name, component.target, json.dumps(component.options), Paths(data, cache.expanduser()))


@functools.lru_cache(maxsize=3)
def _load(name: str, target: str, options: str, paths: Paths) -> Dataset:
    return Component(name, target, json.loads(options)).build()(paths)


def with_data(plan: Plan) -> Plan:
    """The plan with the checksum of its data, which completes its identity."""
    return replace(plan, data_checksum=load_dataset(plan.dataset, plan.settings).checksum)


def device_of(name: str) -> torch.device:
    """auto, cpu, cuda or cuda:<index>; ConfigurationError for what this machine or torch does not have."""
    if name.partition(":")[0] == "mps":
        raise ConfigurationError(f"device={name}: it has no double precision, which scores need; use device=cpu")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ConfigurationError(f"device={name}: unknown; choose auto, cpu, cuda or cuda:0")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"device={name}: this machine has {torch.cuda.device_count()} CUDA devices; use device=auto"
        )
    return device


def comparison_group(plan: Plan, dataset: Dataset) -> str:
    """Data set, binarisation, measure and data checksum: likelihoods compare within one group only.

    The measure is `counting` for a Bernoulli on binary data, `lebesgue` for a density, and `pseudo-nats` for what is
    no likelihood of the data at all: a Bernoulli on grey values, a density on discrete pixels. Another protocol than
    held-out images follows the data set's name.
    """
    binary = dataset.storage == "bits" or dataset.binarisation == "dynamic"
    bernoulli = plan.model.options.get("likelihood", "bernoulli") == "bernoulli"
    if bernoulli:
        measure = "counting" if binary else "pseudo-nats"
    else:
        measure = "lebesgue" if dataset.storage == "float" else "pseudo-nats"
    name = plan.dataset.name if dataset.protocol == HELD_OUT else f"{plan.dataset.name} ({dataset.protocol})"
    return "/".join((name, dataset.binarisation, measure, dataset.checksum[:8]))
