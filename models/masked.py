"""Masked networks: output d is a function of the inputs before d, and of a context, alone; arrays (..., D)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.types import Count


class MaskedLinear(nn.Module):
    """(W * mask) x + b, with mask (outputs, inputs) of zeros and ones.

    Weights start uniform in +-sqrt(6 / (connections in + connections out)), both as means over what has any *(Glorot
    and Bengio, 2010)*, times `gain`; biases at zero. No other rule for initial weights touches them.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, *, gain: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mask", mask.float(), persistent=False)
        bound = gain * math.sqrt(6 / max(1.0, _mean_connections(mask, 1) + _mean_connections(mask, 0)))
        self.weight = nn.Parameter(torch.empty(mask.shape).uniform_(-bound, bound) * self.mask)
        self.bias = nn.Parameter(torch.zeros(len(mask)))

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        return functional.linear(x, self.masked, self.bias)

    @property
    def masked(self) -> Tensor:
        """The weights that count, (outputs, inputs)."""
        return self.weight * self.mask


class MaskedPerceptron(nn.Module):
    """Numbers for each of D variables that depend on those before it alone *(MADE: Germain et al., 2015)*.

    From x (..., D), and a `context` (..., C) where it is conditioned on one, to (..., D, outputs): those of variable d
    are functions of x_1 .. x_(d-1) and all of the context. Hidden units see x_1 .. x_m, m spread evenly from 0 (with a
    context) or 1 to D - 1. With `gain` below one it starts near its output's bias.
    """

    def __init__(
        self,
        num_variables: int,
        outputs: int,
        hidden: tuple[Count, ...] = (64,),
        *,
        context: int = 0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_variables, self.outputs = num_variables, outputs
        lowest = 0 if context or num_variables == 1 else 1
        seen = [torch.arange(1, num_variables + 1), *(_spread(lowest, num_variables - 1, width) for width in hidden)]
        masks = [after[:, None] >= before[None] for before, after in pairwise(seen)]
        last = torch.arange(num_variables).repeat_interleave(outputs)[:, None] >= seen[-1][None]
        if not hidden:
            last = torch.arange(1, num_variables + 1).repeat_interleave(outputs)[:, None] > seen[-1][None]
        self.hidden = nn.ModuleList(MaskedLinear(mask) for mask in masks)
        self.output = MaskedLinear(last, gain=gain)
        first = hidden[0] if hidden else num_variables * outputs
        self.context = nn.Linear(context, first, bias=False) if context else None

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """(..., D) and (..., C) -> (..., D, outputs); a context is broadcast against x."""
        added = None if self.context is None else self.context(context)
        for layer in self.hidden:
            x = layer(x)
            x, added = (x if added is None else x + added).tanh(), None
        x = self.output(x)
        return (x if added is None else x + added).unflatten(-1, (self.num_variables, self.outputs))


def _spread(lowest: int, highest: int, count: int) -> Tensor:
    """Whole numbers from lowest to highest, each about as often as any other, in order, (count,)."""
    return lowest + torch.arange(count) * (highest - lowest + 1) // count


def _mean_connections(mask: Tensor, dimension: int) -> float:
    counts = mask.float().sum(dimension)
    return float(counts[counts > 0].mean()) if bool((counts > 0).any()) else 0.0
