"""What holds of every objective over stacked models: each has the value (nats) and gradients that it has alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from benchmark.checks.laws import Broken, hold
from benchmark.config.plan import Plan
from benchmark.training.mapped import gradients_of, in_a_line
from benchmark.training.setup import build_model, build_objective
from models.noise import Drawn, Noise, Recorded, Stream
from models.vae import Batch

SHAPE, SIZE, MEMBERS = (1, 12, 12), 5, 3
Given = Mapping[str, Any]
Tree = dict[str, Tensor]


class _Member(nn.Module):
    """A model with its objective, whose weights are then one tree; from images, noise and options to the value."""

    def __init__(self, plan: Plan, seed: int) -> None:
        super().__init__()
        plan = replace(plan, settings=replace(plan.settings, seed=seed))
        self.model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
        self.objective = build_objective(plan, self.model, torch.device("cpu"))

    def forward(self, x: Tensor, noise: Noise, options: Given) -> Tensor:
        """The mean value, a scalar."""
        objective = partial(self.objective, **options) if options else self.objective
        return objective(self.model, Batch(x, 10, 100, noise, 100)).mean()

    @property
    def numbers(self) -> dict[str, float]:
        """The options of an objective that is a function which are floats."""
        options = self.objective.keywords if isinstance(self.objective, partial) else {}
        return {key: value for key, value in options.items() if type(value) is float}


def same_values_when_stacked(plan: Plan) -> None:
    """Mapped by `torch.func.vmap` over models of other weights, images and draws."""
    _same(plan, lambda member, number: {}, "takes no stack of models")


def same_values_when_options_are_stacked(plan: Plan) -> None:
    """The same where every member has another value of each option that is a float, in tensors without dimensions."""

    def scaled(member: _Member, number: int) -> dict[str, float]:
        return {key: value * (1 - 0.1 * number) for key, value in member.numbers.items()}

    if _Member(plan, 0).numbers:
        _same(plan, scaled, "takes no option that is a tensor")


def _same(plan: Plan, options_of: Callable[[_Member, int], dict[str, float]], why: str) -> None:
    members = [_Member(plan, seed).double() for seed in range(MEMBERS)]
    options = [options_of(member, number) for number, member in enumerate(members)]
    x = torch.rand((MEMBERS, SIZE, *SHAPE), generator=torch.Generator().manual_seed(0)).round().double()
    noise = [Recorded(Stream.seeded(seed)) for seed in range(MEMBERS)]
    values = [member(*given) for member, *given in zip(members, x, noise, options, strict=True)]
    alone = [gradients_of(value, dict(one.named_parameters())) for value, one in zip(values, members, strict=True)]
    draws = [torch.stack(each) for each in zip(*(one.draws for one in noise), strict=True)]
    numbers = {key: torch.tensor([one[key] for one in options], dtype=torch.float64) for key in options[0]}
    for way in (_mapped_gradients, _gradients_of_mapped):
        try:
            found, gradients = way(members, x, draws, numbers)
        except Exception as error:  # torch says no in many ways
            raise Broken(f"{why} ({in_a_line(error)})") from error
        _close(found, torch.stack(values), "the value")
        for key in alone[0]:
            _close(gradients[key], torch.stack([one[key] for one in alone]), f"the gradient of {key}")


def _mapped_gradients(members: Sequence[_Member], *stacked: Any) -> tuple[Tensor, Tree]:
    """The gradient within the map."""
    weights, buffers = stack_module_state(list(members))
    gradients, values = vmap(grad_and_value(_function(members[0])))(weights, buffers, *stacked)
    return values, gradients


def _gradients_of_mapped(members: Sequence[_Member], *stacked: Any) -> tuple[Tensor, Tree]:
    """The map first, then one gradient of the sum."""
    weights, buffers = stack_module_state(list(members))
    values = vmap(_function(members[0]))(weights, buffers, *stacked)
    return values, gradients_of(values.sum(), weights)


def _function(member: _Member) -> Callable[..., Tensor]:
    def value(weights: Tree, buffers: Tree, x: Tensor, draws: Sequence[Tensor], options: Given) -> Tensor:
        return functional_call(member, (weights, buffers), (x, Drawn(draws), options))

    return value


def _close(stacked: Tensor, alone: Tensor, what: str) -> None:
    """Equal but for rounding; what is NaN or infinite alone may be so in a stack, for another law to say."""
    most = 1e-9 * (1 + alone.nan_to_num(0, 0, 0).abs().max().item())
    apart = ~torch.isclose(stacked, alone, rtol=0, atol=most, equal_nan=True)
    distance = (stacked - alone)[apart].abs().max().item() if apart.any() else 0
    hold(not distance, f"{what} of a model in a stack differs by {distance:.3g} from that of the model alone")


LAWS = (same_values_when_stacked, same_values_when_options_are_stacked)
