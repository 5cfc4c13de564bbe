"""Values of stacked models by `torch.func.vmap`, and whether they are what each model has alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from models.noise import Each, Source, Stacked, Stream
from models.vae import VAE, Batch

Tree = dict[str, Tensor]  # stacked tensors (M, *shape) by their names in a whole
Value = Callable[[VAE, Batch], Tensor]  # (B,) or a scalar
CLOSE = 1e-6  # of values and gradients in double precision, relative to the largest


class NotAlike(ValueError):
    """These models cannot be trained as one program."""


def in_a_line(error: Exception) -> str:
    """What an error of torch's says, which may be many lines."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class Whole(nn.Module):
    """A model and what its objectives have of their own: all weights in one tree."""

    def __init__(self, model: VAE, objectives: Mapping[Any, object]) -> None:
        super().__init__()
        self.model = model
        for name, objective in objectives.items():
            if isinstance(objective, nn.Module):
                self.add_module(f"objective_{name}", objective)

    def forward(self, value: Callable[[VAE], Tensor]) -> Tensor:
        """A value of the model, with whatever weights are in place."""
        return value(self.model)


def stacked_tensors(wholes: Sequence[Whole], like: Tree | None = None) -> tuple[Tree, Tree]:
    """The parameters, and those buffers that differ, of all wholes; each whole's own are then parts of them.

    Parameters lie in memory as those stacks in `like` do that have their names, gradients, so that none is copied.
    """
    parameters = [dict(one.named_parameters()) for one in wholes]
    buffers = [dict(one.named_buffers()) for one in wholes]
    differing = [name for name, own in buffers[0].items() if not all(torch.equal(own, tree[name]) for tree in buffers)]
    return _stacked(parameters, list(parameters[0]), like or {}), _stacked(buffers, differing, {})


@torch.no_grad()
def _stacked(trees: Sequence[Mapping[str, Tensor]], names: Sequence[str], like: Tree) -> Tree:
    found = {}
    for name in names:
        stack = laid_out(torch.stack([tree[name] for tree in trees]), like.get(name))
        for tree, part in zip(trees, stack, strict=True):
            tree[name].data = part
        found[name] = stack.requires_grad_(trees[0][name].requires_grad)
    return found


def laid_out(stack: Tensor, like: Tensor | None) -> Tensor:
    """A stack whose dimensions lie in memory in the order in which those of another do, member after member."""
    strides = [0] * stack.ndim if like is None else like.stride()
    order = [0, *sorted(range(1, stack.ndim), key=lambda dim: -strides[dim])]
    back = sorted(range(stack.ndim), key=lambda place: order[place])
    return stack.permute(order).contiguous().permute(back)


def set_free(whole: Whole) -> None:
    """Give a whole weights in memory of its own, in the usual order."""
    for tensor in (*whole.parameters(), *whole.buffers()):
        tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)


def numbers_of(values: Sequence[Value], like: Tensor) -> Tree:
    """The options of objectives that are floats and not the same for all, (M,) each."""
    options = [value.keywords if isinstance(value, partial) else {} for value in values]
    floats = [key for key, number in options[0].items() if type(number) is float]
    found = {key: [one[key] for one in options] for key in floats}
    return {key: like.new_tensor(numbers) for key, numbers in found.items() if len(set(numbers)) > 1}


def values_of(
    whole: Whole,
    value: Value,
    weights: Tree,
    buffers: Tree,
    x: Tensor,
    numbers: Tree,
    batch: Batch,
    source: Source,
) -> Tensor:
    """The mean value (M,) of each member's images in x (M, B, *shape), with noise from a source of all.

    `batch` says what they share.
    """

    def one(weights: Tree, buffers: Tree, x: Tensor, numbers: Tree, place: Tensor) -> Tensor:
        asked = partial(value, **numbers) if numbers else value
        given = replace(batch, x=x, noise=Stacked(place, source))
        return functional_call(whole, (weights, buffers), (lambda model: asked(model, given).mean(),))

    places = torch.arange(len(x), device=x.device)
    return vmap(one)(weights, buffers, x, numbers, places)


class Member(NamedTuple):
    """What there is to be tried of one of stacked models."""

    whole: Whole
    values: Sequence[Value]  # that it is trained by
    batch: Batch  # a small one


def refuse_unlike(first: Member, last: Member) -> Tree:
    """NotAlike unless both have the values and gradients in a stack that each has alone; gives gradients by name.

    It is tried in double precision on copies, with streams of its own: nothing is drawn from, and nothing moves.
    """
    try:
        pair = [one._replace(whole=whole.double(), values=values) for one, whole, values in map(_copied, (first, last))]
        weights, buffers = stacked_tensors([one.whole for one in pair])
        found: Tree = {}
        for values in zip(*(one.values for one in pair), strict=True):
            found = {**_refuse_unlike_value(pair, values, weights, buffers), **found}
        return found
    except NotAlike:
        raise
    except Exception as error:  # torch says no in many ways
        raise NotAlike(in_a_line(error)) from error


def _copied(one: Member) -> tuple[Member, Whole, Sequence[Value]]:
    """A member with copies of its weights, and of objectives that have some."""
    whole, values = copy.deepcopy((one.whole, list(one.values)))
    return one, whole, values


def _refuse_unlike_value(pair: Sequence[Member], values: Sequence[Value], weights: Tree, buffers: Tree) -> Tree:
    x = torch.stack([one.batch.x for one in pair]).double()
    places = range(len(pair))
    numbers = numbers_of(values, x)
    source = Each([Stream.seeded(place, x.device) for place in places])
    mapped = values_of(pair[0].whole, values[0], weights, buffers, x, numbers, pair[0].batch, source)
    gradients = gradients_of(mapped.sum(), weights)
    for place, one, value in zip(places, pair, values, strict=True):
        batch = replace(one.batch, x=x[place], noise=Stream.seeded(place, x.device))
        alone = value(one.whole.model, batch).mean()
        _refuse_distant(mapped[place], alone, "its value")
        for name, gradient in gradients_of(alone, dict(one.whole.named_parameters())).items():
            _refuse_distant(gradients[name][place], gradient, f"its gradient of {name}")
    return gradients


def gradients_of(value: Tensor, weights: Mapping[str, Tensor]) -> Tree:
    """Of every weight that can have one, zero where the value does not depend on it."""
    free = {name: weight for name, weight in weights.items() if weight.requires_grad}
    found = torch.autograd.grad(value, list(free.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(free, found, strict=True))


def _refuse_distant(stacked: Tensor, alone: Tensor, what: str) -> None:
    most = CLOSE * (1 + alone.nan_to_num(0, 0, 0).abs().max().item())
    if not torch.allclose(stacked, alone, rtol=0, atol=most, equal_nan=True):
        raise NotAlike(f"{what} is another in a stack than alone")
