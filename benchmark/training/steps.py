"""Optimisers of stacked weights (M, *shape): torch's own where all members have one rate, else the rule with many."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.training.mapped import laid_out
from benchmark.training.rules import RULES, State, each, starting
from benchmark.training.updates import Update


class StackedOptimizer:
    """Weights and states of one update of all members, whose own optimisers see their parts of the states."""

    def __init__(self, updates: Sequence[Update], weights: Sequence[Tensor]) -> None:
        self.updates, self.weights, self.like = updates, weights, updates[0].optimizer
        self.states = [self._gathered(i) for i in range(len(weights))]
        self.shown = 0

    def step(self, gradients: Sequence[Tensor | None], rates: Sequence[float]) -> None:
        """Move each member's weights by its gradients, at its own rate; what has no gradient stays as it is."""
        self._step(gradients, rates)
        if self.shown != sum(map(len, self.states)):  # states begin at the first step
            self._show()

    def _step(self, gradients: Sequence[Tensor | None], rates: Sequence[float]) -> None:
        raise NotImplementedError

    def _gathered(self, i: int) -> State:
        """What the members' optimisers know of a parameter; the number of the step is the same for all."""
        own = [update.optimizer.state.get(update.parameters[i], {}) for update in self.updates]
        found = {key: [one[key] for one in own] for key, value in own[0].items() if isinstance(value, Tensor)}
        stacks = {key: laid_out(torch.stack(value), self.weights[i]) for key, value in found.items() if key != "step"}
        return {"step": found["step"][0].clone(), **stacks} if "step" in found else stacks

    def _show(self) -> None:
        """Let every member's optimiser see its part of the states, which later steps change in place."""
        for place, update in enumerate(self.updates):
            for parameter, state in zip(update.parameters, self.states, strict=True):
                if state:
                    own = {key: value if key == "step" else value[place] for key, value in state.items()}
                    update.optimizer.state[parameter] = own
        self.shown = sum(map(len, self.states))


class _OneRate(StackedOptimizer):
    """torch.optim's own, fused where it can be: its rules treat every number by itself."""

    def __init__(self, updates: Sequence[Update], weights: Sequence[Tensor]) -> None:
        super().__init__(updates, weights)
        self.optimizer = copy.copy(self.like)
        self.optimizer.param_groups = [{**self.like.param_groups[0], "params": list(weights)}]
        on_device = any(self.like.param_groups[0].get(option) for option in ("fused", "capturable"))
        for weight, state in zip(weights, self.states, strict=True):
            state |= {"step": state["step"].to(weight.device)} if on_device and "step" in state else {}
        self.optimizer.state = defaultdict(dict, zip(weights, self.states, strict=True))

    def _step(self, gradients: Sequence[Tensor | None], rates: Sequence[float]) -> None:
        for weights, gradient in zip(self.weights, gradients, strict=True):
            weights.grad = None if gradient is None else _as(weights, gradient)
        self.optimizer.param_groups[0]["lr"] = rates[0]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def _as(weights: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the weights' order in memory, by which fused kernels go."""
    same = gradient.stride() == weights.stride()
    return gradient if same else torch.empty_like(weights, requires_grad=False).copy_(gradient)


class _ManyRates(StackedOptimizer):
    """The rule of the members' optimiser, of which torch takes one rate alone."""

    def __init__(self, updates: Sequence[Update], weights: Sequence[Tensor]) -> None:
        super().__init__(updates, weights)
        self.rule, self.options = RULES[type(self.like).__name__], self.like.param_groups[0]
        for state in self.states:
            state |= {"step": state["step"].cpu()} if "step" in state else {}  # read at every step: without a GPU
        self.rates: Sequence[float] = ()
        self.rate = torch.zeros(())

    @torch.no_grad()
    def _step(self, gradients: Sequence[Tensor | None], rates: Sequence[float]) -> None:
        if rates != self.rates:
            self.rates, self.rate = rates, torch.tensor(rates, dtype=torch.float64).to(self.weights[0].device)
        for weights, gradient, state in zip(self.weights, gradients, self.states, strict=True):
            if gradient is not None:
                state |= state or starting(self.like, weights)
                self.rule(weights, gradient, state, each(self.rate, weights), self.options)


def optimizer_of(updates: Sequence[Update], weights: Sequence[Tensor], shared: bool) -> StackedOptimizer:
    """For stacked weights of the same update of every member; `shared` says that all have one rate at every step."""
    return (_OneRate if shared else _ManyRates)(updates, weights)
