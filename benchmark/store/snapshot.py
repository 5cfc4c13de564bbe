"""A training under way on disk: one safetensors file with tensors and JSON, whose it is, and a digest of both."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from benchmark.store.documents import digest
from benchmark.store.files import write_atomically

FILE = "training.safetensors"


class Snapshot(NamedTuple):
    """Where a training is."""

    tensors: Mapping[str, Tensor]  # on the CPU
    facts: Mapping[str, Any]  # JSON values


def write_snapshot(folder: Path, identity: Mapping[str, Any], snapshot: Snapshot) -> None:
    """Write training.safetensors whole, in the place of the one before."""
    facts = json.dumps(snapshot.facts)
    about = {"facts": facts, "identity": digest(identity), "sha256": _sha256(snapshot.tensors, facts)}
    content = save(dict(snapshot.tensors), metadata=about)
    write_atomically(folder / FILE, lambda file: file.write(content))


def read_snapshot(folder: Path, identity: Mapping[str, Any]) -> Snapshot | None:
    """The training of that very run; None where there is none, or none that can be used, which is said in one line."""
    if not (folder / FILE).exists():
        return None
    try:
        return _read(folder / FILE, identity)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        say_unusable(folder, error)
        return None


def say_unusable(folder: Path, error: Exception) -> None:
    """One line on a training that cannot be gone on with."""
    why = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    print(f"note: {folder}: {FILE} cannot be used ({why}); training starts anew", file=sys.stderr, flush=True)


def _read(path: Path, identity: Mapping[str, Any]) -> Snapshot:
    with safe_open(path, "pt") as file:
        about = file.metadata() or {}
        if about["identity"] != digest(identity):
            raise ValueError("it is of another run")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if _sha256(tensors, about["facts"]) != about["sha256"]:
        raise ValueError("its sha256 is not the one that it states")
    return Snapshot(tensors, json.loads(about["facts"]))


def _sha256(tensors: Mapping[str, Tensor], facts: str) -> str:
    found = hashlib.sha256(facts.encode())
    for name, value in sorted(tensors.items()):
        found.update(f"{name}\0{value.dtype}\0{tuple(value.shape)}\0".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
