"""Steps on a processor as one program: traced once down to what torch computes, and compiled."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch._inductor import compile as inductor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from benchmark.training.recorded import Compute, Found, Record
from models.noise import Placed


def compiled(compute: Compute, state: Sequence[Tensor], x: Tensor, draws: Placed) -> Record:
    """A step of images, draws and a number that lie where they then do, as one program of torch's compiler.

    `state` is all that is another at the next step: weights and buffers, which optimisers move in place. What a program
    saves is autograd, a hundred calls from Python, and passes over memory; products are the same.

    RuntimeError, or what else torch raises, where a step cannot be traced (it asks for a number on the way) or
    compiled; ValueError where the program would not follow a weight.
    """
    step = x.new_zeros(())
    given = (*state, x, step, *draws.tensors)
    here: list[bool] = []  # which weights have a gradient

    def traced(*_: Tensor) -> list[Tensor]:
        values, gradients = compute(x, step, draws)
        here[:] = [gradient is not None for gradient in gradients]
        return [values, *(gradient for gradient in gradients if gradient is not None)]

    graph = make_fx(traced)(*given)  # follows these very tensors, whichever way they are reached
    _refuse_fixed(graph, state)
    with torch.no_grad():
        program = inductor(graph, list(given))  # not torch.compile: what calls it may not be asked for its guards
    found: list[Tensor] = []

    @torch.no_grad()
    def replay() -> None:
        found.clear()  # the gradients before make room for these, whose memory is then still in the cache
        found[:] = program(*given)

    def last() -> Found:
        values, *gradients = found
        left = iter(gradients)
        return Found(values, tuple(next(left) if known else None for known in here))

    return Record(x, step, draws, replay, last)


def _refuse_fixed(graph: GraphModule, state: Sequence[Tensor]) -> None:
    """ValueError where nothing that learns is read anew: the program would go on with the weights of its first step."""
    inputs = [node for node in graph.graph.nodes if node.op == "placeholder"]
    if not any(node.users for node, tensor in zip(inputs, state, strict=False) if tensor.requires_grad):
        raise ValueError("the step does not depend on what learns")
