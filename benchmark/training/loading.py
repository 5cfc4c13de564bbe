"""Data sets by configuration, kept in the process that loaded them; devices; comparison groups."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from platformdirs import user_cache_dir

from benchmark.config.components import Component, ConfigurationError
from benchmark.config.plan import Plan, Settings
from benchmark.datasets import Dataset, Paths
from benchmark.datasets.core import HELD_OUT
from benchmark.datasets.idx import check_data_dir
from models.likelihoods import Bernoulli, Gaussian, Measure, Values


def load_dataset(component: Component, settings: Settings) -> Dataset:
    """The data set of a configuration; the last ones stay in memory, for a sweep asks for them again and again."""
    return _loaded(component, settings)[0]


def reads_data_dir(plan: Plan) -> bool:
    """Whether the data set looks for files of the user's at all."""
    return _loaded(plan.dataset, plan.settings)[1].asked


def _loaded(component: Component, settings: Settings) -> tuple[Dataset, Paths]:
    cache = (settings.cache_dir or Path(user_cache_dir("betterbound"))).expanduser()
    data = settings.data_dir.expanduser() if settings.data_dir else None
    check_data_dir(data)
    return _load(component.name, component.target, json.dumps(component.options), data, cache)


@functools.lru_cache(maxsize=3)
def _load(name: str, target: str, options: str, data: Path | None, cache: Path) -> tuple[Dataset, Paths]:
    paths = Paths(data, cache)
    found = Component(name, target, json.loads(options)).build()(paths)
    if not isinstance(found, Dataset):
        raise ConfigurationError(f"dataset._target_={target}: gives no data set but {type(found).__name__}")
    return found, paths


def with_data(plan: Plan) -> Plan:
    """The plan with the checksum of its data, which completes its identity."""
    return replace(plan, data_checksum=load_dataset(plan.dataset, plan.settings).checksum)


def device_of(name: str, here: bool = True) -> torch.device:
    """auto, cpu, cuda or cuda:<index>; ConfigurationError for what torch, or the machine `here`, has not."""
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
    if here and device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigurationError(
            f"device={name}: this machine has {torch.cuda.device_count()} CUDA devices; use device=auto"
        )
    return device


def comparison_group(plan: Plan, dataset: Dataset) -> str:
    """Data set, binarisation, measure and data checksum: likelihoods compare within one group only.

    The measure is `counting` for probabilities of binary data, grey levels or labels, `lebesgue` for a density, and
    `pseudo-nats` for what is no likelihood of the data at all: a Bernoulli on grey values, a density on discrete
    pixels. Another protocol than held-out images follows the data set's name.
    """
    name = plan.dataset.name if dataset.protocol == HELD_OUT else f"{plan.dataset.name} ({dataset.protocol})"
    return "/".join((name, dataset.binarisation, measure_of(plan, dataset), dataset.checksum[:8]))


def measure_of(plan: Plan, dataset: Dataset) -> Measure:
    """What log-densities of this data set's values are with respect to; ConfigurationError for a likelihood that has
    none of them."""
    values, head = values_of(dataset), plan.heads.get("likelihood")
    part = head or plan.model  # a reference, or a model that makes its own
    measures: Mapping[Values, Measure] = getattr(part.function, "measures", {})
    if (measures or values == "labelled") and values not in measures:
        who = f"{'likelihood' if head else 'model'}={part.name}: is of {' or '.join(measures) or 'other'} values"
        raise ConfigurationError(f"{who}, those of {dataset.name} are {values}; {_remedy(values, measures)}")
    if head is None and not measures:
        measures = (Gaussian if plan.model.options.get("likelihood") == "gaussian" else Bernoulli).measures
    return measures.get(values, "pseudo-nats")


def _remedy(values: Values, measures: Mapping[Values, Measure]) -> str:
    if "labelled" in measures:
        return "use a data set with labels, such as dataset=mnist_with_labels"
    return {"real": "use likelihood=gaussian", "labelled": "use model=vib"}.get(values, "choose another")


def values_of(dataset: Dataset) -> Values:
    """What the values of an example are, as a model sees them."""
    if dataset.labels:
        return "labelled"
    if dataset.storage == "bits" or dataset.binarisation == "dynamic":
        return "binary"
    return "real" if dataset.storage == "float" else "grey"
