"""What an experiment asked for, results/<experiment>/experiment.json, so that a report can say what is missing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmark.claim import claimed
from benchmark.documents import Damaged, canonical, checked, read_json, set_aside
from benchmark.files import remove_leftovers, write_json

FILE = "experiment.json"


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
    with claimed(experiment / "runs", wait=True):
        remove_leftovers(experiment)
        try:
            read_manifest(experiment)
        except Damaged as error:
            kept = set_aside(experiment / FILE)
            print(f"note: {experiment}: {FILE} {error}; it is kept as {kept}", file=sys.stderr, flush=True)
        write_json(experiment / FILE, content)
