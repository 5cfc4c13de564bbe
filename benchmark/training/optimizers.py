"""Optimisers by name: every option is tried before training, and kernels are fused wherever the torch at hand can."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmark.config.components import ConfigurationError, check_value, suggestion

OPTIONS = "trainer.optimizer_options"  # the key that errors name, unless it is another's
OURS = ("params", "lr", "maximize", "differentiable")  # which the trainer sets, or cannot have otherwise
KINDS = {bool: bool, int: float, float: float, tuple: tuple[float, ...], type(None): bool | None}  # by their defaults


def optimizer(
    name: str, parameters: Sequence[Tensor], learning_rate: float, options: Mapping[str, Any], key: str = OPTIONS
) -> torch.optim.Optimizer:
    """torch.optim.<name> with its options; `fused: true` means the fused kernel where torch has one for this optimiser
    on this device.

    ConfigurationError, led by `key`, for an option that it does not have or refuses.
    """
    make = getattr(torch.optim, name)
    checked = _checked(name, make, options, key)
    fused = checked.pop("fused", None)
    if error := _refusal(make, parameters[0], {"lr": learning_rate, **checked}):
        raise ConfigurationError(f"{key}={dict(options)}: torch.optim.{name} refuses them ({error})")
    settings = {"lr": learning_rate, **checked, "fused": True}
    if not fused or _refusal(make, parameters[0], settings):
        del settings["fused"]
    return make(parameters, **settings)


def _checked(name: str, make: type[torch.optim.Optimizer], options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options by the kinds of their defaults; all optimisers may be asked to be fused."""
    defaults = {key: one.default for key, one in inspect.signature(make).parameters.items() if key not in OURS}
    known = {"fused": None, **defaults}
    for key in options:
        if key not in known:
            what = f"{where}.{key}: torch.optim.{name} has no such option{suggestion(key, known)}"
            raise ConfigurationError(f"{what} (~{where}.{key} takes it out)")
    return {key: check_value(f"{where}.{key}", KINDS[type(known[key])], value) for key, value in options.items()}


def _refusal(make: type[torch.optim.Optimizer], like: Tensor, settings: Mapping[str, Any]) -> str:
    """Why this optimiser does not take those settings for tensors like this one, or nothing: one step of a number."""
    scratch = torch.zeros(1, dtype=like.dtype, device=like.device, requires_grad=True)
    scratch.grad = torch.zeros_like(scratch)
    try:
        make([scratch], **settings).step()
    except Exception as error:  # whatever it is: torch says no in many ways
        return " ".join(str(error).split())
    return ""
