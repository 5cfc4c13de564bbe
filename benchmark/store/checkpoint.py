"""Weights on disk: safetensors and a JSON that says whose they are, both written whole."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from benchmark.store.documents import digest
from benchmark.store.files import write_atomically, write_json
from benchmark.store.tensors import OF_OBJECTIVE, check_fit, expected, owned, restore
from models.vae import VAE
from models.weights import as_now

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"


class Training(NamedTuple):
    """What is to be known of a training beside its weights."""

    seconds: float
    kept_step: int | None = None  # after which the weights are those that were kept
    resumed: int = 0  # how often it was gone on with, after a process was killed
    stacked: int = 1  # runs that were trained as one program, this one among them


def save_checkpoint(
    folder: Path, model: VAE, identity: dict[str, Any], training: Training, objective: object = None
) -> None:
    """Write model.safetensors, then model.json: a checkpoint without its JSON is unfinished.

    An objective with weights of its own, such as a discriminator's, has them in the same file.
    """
    weights = save(owned(model) | (owned(objective, OF_OBJECTIVE) if isinstance(objective, nn.Module) else {}))
    write_atomically(folder / WEIGHTS, lambda file: file.write(weights))
    about = {"training_seconds": training.seconds, "kept_step": training.kept_step, "resumed": training.resumed}
    about["stacked"] = training.stacked
    write_json(folder / DESCRIPTION, {"identity": identity, "sha256": hashlib.sha256(weights).hexdigest(), **about})


def load_checkpoint(folder: Path, model: VAE, identity: dict[str, Any], objective: object = None) -> Training | None:
    """Load the weights of that very run in place; returns what is known of its training.

    An objective that has weights of its own gets them too, where they were saved.

    None where there are no weights that fit, and the model is as it was: what is damaged is said in one line, for the
    run is then trained again.
    """
    if not (folder / DESCRIPTION).exists():
        return None
    try:
        weights, training = _read(folder, identity)
        its = {name: value for name, value in weights.items() if name.startswith(OF_OBJECTIVE)}
        own = as_now({name: weights[name] for name in weights.keys() - its.keys()}, expected(model))
        check_fit(own, expected(model), WEIGHTS)
        if its and isinstance(objective, nn.Module):
            check_fit(its, expected(objective, OF_OBJECTIVE), WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        why = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        print(f"note: {folder}: the weights cannot be used ({why}); it is trained again", file=sys.stderr, flush=True)
        return None
    restore(model, own)
    if its and isinstance(objective, nn.Module):
        restore(objective, its, OF_OBJECTIVE)
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
    counts = [description.get("resumed", 0), description.get("stacked", 1)]
    for name, count in zip(("resumed", "stacked"), counts, strict=True):
        if not isinstance(count, int) or count < 0:
            raise ValueError(f"{name} in {DESCRIPTION} is no count")
    return load(weights), Training(float(seconds), step, *counts)
