"""Weights of modules as named tensors: what is shared is owned once, and restored wherever it is used."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

OF_OBJECTIVE = "objective:"  # what names of an objective's own weights begin with; those of the model with nothing


def owned(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """The state of a module on the CPU, each tensor once, under the first of its names, in memory of its own."""
    return {prefix + name: value.detach().cpu().clone().contiguous() for name, value in _first_names(module).items()}


def restore(module: nn.Module, weights: Mapping[str, Tensor], prefix: str = "") -> None:
    """Load what `owned` gave; names that do not begin with the prefix are another module's."""
    state = module.state_dict(keep_vars=True)
    first = {id(value): name for name, value in reversed(list(state.items()))}
    module.load_state_dict({name: weights[prefix + first[id(value)]] for name, value in state.items()})


def check_fit(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    """ValueError unless names, shapes and types are those expected, before any of a module's own is touched."""
    for name in sorted(weights.keys() | expected.keys()):
        found, wanted = (_kind(one.get(name)) for one in (weights, expected))
        if found != wanted:
            raise ValueError(f"{name} is {found} in {where}, {wanted} in the model")


def expected(module: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    """The names, shapes and types that `owned` gives, without a copy."""
    return {prefix + name: value for name, value in _first_names(module).items()}


def _first_names(module: nn.Module) -> dict[str, Tensor]:
    seen: dict[int, str] = {}
    state = module.state_dict(keep_vars=True)
    return {name: value for name, value in state.items() if seen.setdefault(id(value), name) == name}


def _kind(value: Tensor | None) -> str:
    return "missing" if value is None else f"{tuple(value.shape)} {value.dtype}"
