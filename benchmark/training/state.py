"""All that a training depends on at one step, as named tensors and numbers, to be gone on from to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor, nn

from benchmark.store.snapshot import Snapshot
from benchmark.store.tensors import check_fit, expected, owned, restore
from benchmark.training.phases import Phase
from benchmark.training.stopping import Best
from benchmark.training.updates import Update
from benchmark.training.validation import Row
from models.vae import VAE


class State:
    """Weights, optimisers, sums, streams, the best weights and the history of a training under way.

    The place in the order of the data is the step itself: the order follows from the seed.
    """

    def __init__(
        self,
        model: VAE,
        objectives: Mapping[Any, object],
        phases: list[Phase],
        streams: Mapping[str, Generator],
        best: Best,
        history: list[Row],
    ) -> None:
        found = {"model": model, **{str(name): of for name, of in objectives.items()}}
        self.modules = {f"{name}:": module for name, module in found.items() if isinstance(module, nn.Module)}
        turns = dict.fromkeys(turn.update for phase in phases for turn in phase.turns)
        self.updates = [update for update in turns if isinstance(update, Update)]
        self.model, self.streams, self.best, self.history = model, streams, best, history

    def snapshot(self, step: int) -> Snapshot:
        """What it is after a step."""
        tensors: dict[str, Tensor] = {}
        for prefix, module in self.modules.items():
            tensors |= owned(module, prefix)
        for i, update in enumerate(self.updates):
            tensors |= _optimizer(update, f"update:{i}:")
            tensors[f"update:{i}:total"] = update.total
        tensors |= {f"stream:{name}": stream.get_state() for name, stream in self.streams.items()}
        tensors |= {f"best:{name}": value for name, value in (self.best.weights or {}).items()}
        facts = {
            "step": step,
            "counts": [update.count for update in self.updates],
            "best": {"value": self.best.value, "waited": self.best.waited, "step": self.best.step},
            "history": self.history,
        }
        return Snapshot({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, facts)

    def resume(self, found: Snapshot) -> int:
        """Take over what a snapshot says; returns its step.

        ValueError or KeyError where it is of another training, and everything is as it was.
        """
        parts = {prefix: _under(found.tensors, prefix) for prefix in self.modules}
        for prefix, module in self.modules.items():
            check_fit(parts[prefix], expected(module), "it")
        state = [
            _optimizer_state(update, _under(found.tensors, f"update:{i}:")) for i, update in enumerate(self.updates)
        ]
        totals = [found.tensors[f"update:{i}:total"] for i in range(len(self.updates))]
        streams = {name: found.tensors[f"stream:{name}"] for name in self.streams}
        facts, best = found.facts, found.facts["best"]
        step, counts, weights = facts["step"], facts["counts"], _under(found.tensors, "best:")
        device = next(self.model.parameters()).device
        for prefix, module in self.modules.items():
            restore(module, parts[prefix])
        for update, its, total, count in zip(self.updates, state, totals, counts, strict=True):
            update.optimizer.load_state_dict(its)
            update.total, update.count = total.to(update.total.device), count
        for name, stream in self.streams.items():
            stream.set_state(streams[name])
        self.best.value, self.best.waited, self.best.step = best["value"], best["waited"], best["step"]
        self.best.weights = {name: value.to(device) for name, value in weights.items()} or None
        self.history[:] = facts["history"]
        return int(step)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Those whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimizer(update: Update, prefix: str) -> dict[str, Tensor]:
    """An optimiser's state by the number of its parameter; what it has none of yet (a momentum) is left out."""
    state = update.optimizer.state_dict()["state"]
    pairs = ((f"{prefix}{i}:{key}", value) for i, its in state.items() for key, value in its.items())
    return {name: value for name, value in pairs if isinstance(value, Tensor)}


def _optimizer_state(update: Update, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """That state in torch's own form; the options of now are those of then, for they are the run's identity."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        number, found, key = name.partition(":")
        if not found:
            continue
        like = update.parameters[int(number)]
        if value.shape not in (like.shape, torch.Size([])):
            raise ValueError(f"{key} of an optimiser has shape {tuple(value.shape)}")
        if value.shape == like.shape:  # fused kernels read state and weights side by side: in one order of memory
            value = torch.empty_like(like).copy_(value)
        state.setdefault(int(number), {})[key] = value
    return {"state": state, "param_groups": update.optimizer.state_dict()["param_groups"]}
