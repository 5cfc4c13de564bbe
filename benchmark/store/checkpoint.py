"""Weights on disk: safetensors and a JSON that says whose they are, both written whole."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from benchmark.store.documents import digest
from benchmark.store.files import write_atomically, write_json
from models.vae import VAE

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


class Training(NamedTuple):
    """What is to be known of a training beside its weights."""

    seconds: float
    kept_step: int | None = None  # after which the weights are those that were kept


def save_checkpoint(folder: Path, model: VAE, identity: dict[str, Any], training: Training) -> None:
    """Write model.safetensors, then model.json: a checkpoint without its JSON is unfinished."""
    weights = save({name: value.cpu().contiguous() for name, value in model.state_dict().items()})
    write_atomically(folder / WEIGHTS, lambda file: file.write(weights))
    about = {"training_seconds": training.seconds, "kept_step": training.kept_step}
    write_json(folder / DESCRIPTION, {"identity": identity, "sha256": hashlib.sha256(weights).hexdigest(), **about})


def load_checkpoint(folder: Path, model: VAE, identity: dict[str, Any]) -> Training | None:
    """Load the weights of that very run in place; returns what is known of its training.

    None where there are no weights that fit, and the model is as it was: what is damaged is said in one line, for the
    run is then trained again.
    """
    if not (folder / DESCRIPTION).exists():
        return None
    try:
        weights, training = _read(folder, identity)
        _check_fit(weights, model.state_dict())
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        print(f"note: {folder}: the weights cannot be used ({why}); it is trained again", file=sys.stderr, flush=True)
        return None
    model.load_state_dict(weights)
    return training


def _read(folder: Path, identity: dict[str, Any]) -> tuple[dict[str, Tensor], Training]:
    description = json.loads((folder / DESCRIPTION).read_text())
    if not isinstance(description, dict):
        raise ValueError(f"{DESCRIPTION} is no JSON object")
    if digest(description["identity"]) != digest(identity):
        raise ValueError(f"{DESCRIPTION} is of another run")
    weights = (folder / WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != description["sha256"]:
        raise ValueError(f"the sha256 of {WEIGHTS} is not the one in {DESCRIPTION}")
    seconds, step = description["training_seconds"], description.get("kept_step")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"training_seconds in {DESCRIPTION} is no time")
    if step is not None and (not isinstance(step, int) or step < 0):
        raise ValueError(f"kept_step in {DESCRIPTION} is no step")
    return load(weights), Training(float(seconds), step)


def _check_fit(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Names, shapes and types, before any of the model's own weights is touched."""
    for name in sorted(weights.keys() | expected.keys()):
        found, wanted = (_kind(where.get(name)) for where in (weights, expected))
        if found != wanted:
            raise ValueError(f"{name} is {found} in {WEIGHTS}, {wanted} in the model")


def _kind(value: Tensor | None) -> str:
    return "missing" if value is None else f"{tuple(value.shape)} {value.dtype}"
