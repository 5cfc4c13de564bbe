"""Weights on disk: safetensors and a JSON that says whose they are, both written whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from benchmark.record import digest, write_atomically, write_json
from models.vae import VAE

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


def save_checkpoint(folder: Path, model: VAE, identity: dict[str, Any], seconds: float) -> None:
    """Write model.safetensors, then model.json: a checkpoint without its JSON is unfinished."""
    weights = save({name: value.cpu().contiguous() for name, value in model.state_dict().items()})
    write_atomically(folder / WEIGHTS, lambda file: file.write(weights))
    description = {"identity": identity, "sha256": hashlib.sha256(weights).hexdigest(), "training_seconds": seconds}
    write_json(folder / DESCRIPTION, description)


def load_checkpoint(folder: Path, model: VAE, identity: dict[str, Any]) -> float | None:
    """Load the weights of that very run in place; returns its training seconds, or None where there are none."""
    try:
        description = json.loads((folder / DESCRIPTION).read_text())
        weights = (folder / WEIGHTS).read_bytes()
        if digest(description["identity"]) != digest(identity):
            return None
        if hashlib.sha256(weights).hexdigest() != description["sha256"]:
            return None
        model.load_state_dict(load(weights))
        return float(description["training_seconds"])
    except (OSError, ValueError, KeyError, SafetensorError, RuntimeError):
        return None  # damaged or of another version: the run is trained again
