"""What an experiment asked for, results/<experiment>/experiment.json, so that a report can say what is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmark.store.documents import Damaged, canonical, checked, read_json, set_aside
from benchmark.store.files import remove_leftovers, write_json
from benchmark.store.lock import claimed

FILE = "experiment.json"
OF_RUNS = ("runs", "configurations", "planned")  # keys whose values have an entry for each run


class _Identity(BaseModel, extra="allow", strict=True):
    dataset: dict[str, Any]
    model: dict[str, Any]
    objective: dict[str, Any] | None
    trainer: dict[str, Any] | None


class _Configuration(BaseModel, strict=True):
    choices: dict[str, str]
    config: _Identity


class _Manifest(BaseModel, strict=True):
    experiment: str = ""
    command: str = ""
    runs: dict[str, str] = {}  # name of the run's folder -> the command of that run
    claims: list[dict[str, Any]] = []
    rank_by: str | None = None
    note: str | None = None
    published: str | None = None
    unchecked: str | None = None
    configurations: dict[str, _Configuration] = {}  # its name -> what all of its runs have in common
    planned: dict[str, tuple[str, int]] = {}  # name of the run's folder -> its configuration's name, its seed


def read_manifest(experiment: Path) -> dict[str, Any]:
    """What the experiment asked for, or nothing for a folder of single runs; Damaged where it cannot be read."""
    try:
        content = read_json(experiment / FILE)
    except FileNotFoundError:
        return {}
    checked(_Manifest.model_validate_json, canonical(content))
    return content


def replace_manifest(experiment: Path, content: dict[str, Any]) -> None:
    """Write experiment.json; a damaged one is kept under another name."""
    _change(experiment, lambda _: content)


def add_to_manifest(experiment: Path, content: Mapping[str, Any]) -> None:
    """Add the runs of `content` to experiment.json; it keeps what else it says; nothing is written where they are."""
    with suppress(Damaged):
        if content["runs"].keys() <= read_manifest(experiment).get("runs", {}).keys():
            return
    _change(experiment, lambda before: {**content, **before, **_with_runs(before, content)})


def _with_runs(before: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {**before.get(key, {}), **content[key]} for key in OF_RUNS}


def _change(experiment: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write what becomes of experiment.json, by one process at a time."""
    with claimed(experiment / "runs", wait=True):
        remove_leftovers(experiment)
        write_json(experiment / FILE, change(_sound(experiment)))


def _sound(experiment: Path) -> dict[str, Any]:
    """What experiment.json says; nothing where it is damaged, and then it is kept under another name."""
    try:
        return read_manifest(experiment)
    except Damaged as error:
        kept = set_aside(experiment / FILE)
        print(f"note: {experiment}: {FILE} {error}; it is kept as {kept}", file=sys.stderr, flush=True)
        return {}
