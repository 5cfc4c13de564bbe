"""The runs that an experiment asks for, and what came of each: finished, failed, or not there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.store.history import converged, slowed
from benchmark.store.record import MEASURED, Record, digest

CONFIGURATIONS, PLANNED = "configurations", "planned"  # keys of experiment.json
NOT_SHARED = ("seed", *MEASURED)  # what runs of one configuration may differ in


@dataclass(frozen=True)
class Asked:
    """One run: what was chosen, and its record if it left one."""

    name: str  # of its folder
    choices: Mapping[str, str]
    config: Mapping[str, Any]
    record: Record | None = None
    folder: Path | None = None
    group: str = ""  # comparison group; before a run of it has finished, the name of its data set

    @cached_property
    def configuration(self) -> str:
        """What it shares with runs that differ in their seed alone."""
        return digest({key: value for key, value in self.config.items() if key not in NOT_SHARED})[:10]

    @property
    def seed(self) -> int:
        return int(self.config["seed"])

    @property
    def trained(self) -> bool:
        return self.config.get("objective") is not None

    @property
    def replicates(self) -> bool:
        """Whether another seed is another model; the codes of a reference such as pca are made from the data alone."""
        return self.choices.get("objective") != "none"

    @cached_property
    def converged(self) -> bool | None:
        """Whether its training had converged; None where that cannot be known."""
        return converged(self.folder) if self.folder is not None and self.trained else None

    @property
    def slowed(self) -> bool:
        """Whether it cannot be known because the learning rate changed at the end."""
        return self.folder is not None and self.trained and slowed(self.folder)


def as_manifest(runs: Iterable[Asked]) -> dict[str, Any]:
    """What experiment.json keeps of planned runs: each configuration once, and its name with the seed for every run."""
    configurations, planned = {}, {}
    for run in runs:
        config = {key: value for key, value in run.config.items() if key not in NOT_SHARED}
        configurations[run.configuration] = {"choices": dict(run.choices), "config": config}
        planned[run.name] = [run.configuration, run.seed]
    return {CONFIGURATIONS: configurations, PLANNED: planned}


def asked(records: Sequence[tuple[Path, Record]], manifest: Mapping[str, Any]) -> list[Asked]:
    """The runs of a folder, and those that its experiment.json asks for and that are not there."""
    there = [Asked(folder.name, one.choices, one.config, one, folder, one.group) for folder, one in records]
    names = {run.name for run in there}
    return list(_with_groups([*there, *(run for run in _planned(manifest) if run.name not in names)]))


def unknown(records: Sequence[tuple[Path, Record]], manifest: Mapping[str, Any]) -> list[str]:
    """Runs that are not there and of which an experiment.json of earlier days keeps the name alone."""
    there = {folder.name for folder, _ in records} | {run.name for run in _planned(manifest)}
    return [name for name in manifest.get("runs", {}) if name not in there]


def _planned(manifest: Mapping[str, Any]) -> Iterator[Asked]:
    known = manifest.get(CONFIGURATIONS, {})
    for name, (configuration, seed) in manifest.get(PLANNED, {}).items():
        if configuration in known:
            yield Asked(name, known[configuration]["choices"], {**known[configuration]["config"], "seed": seed})


def _with_groups(runs: Sequence[Asked]) -> Iterator[Asked]:
    """Runs that have no group yet join that of the runs they will compare with."""
    groups = {comparable(run.config): run.group for run in runs if run.group}
    for run in runs:
        other = groups.get(comparable(run.config), run.choices.get("dataset", ""))
        yield run if run.group else replace(run, group=other)


def _family(config: Mapping[str, Any]) -> str:
    """What kind of likelihood it is: heads are apart only where the model could not say it."""
    if "likelihood" not in config:
        return str(config["model"].get("likelihood", "bernoulli"))
    return str(config["likelihood"]["_target_"]).rpartition(".")[2].lower()


def comparable(config: Mapping[str, Any]) -> str:
    """What runs of one comparison group have in common: their data, and what their likelihood is a density of."""
    parts = [config["dataset"], config.get("data_checksum", ""), _family(config)]
    return json.dumps(parts, sort_keys=True)
