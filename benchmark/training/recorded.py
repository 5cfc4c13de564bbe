"""Steps of a GPU that are recorded once and replayed: a hundred small kernels for the price of one launch.

A step of small networks is spent waiting for Python: 4 ms of a perceptron's on an H200, whose kernels take 0.3.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmark.training.mapped import in_a_line
from models.noise import Each, Noise, Placed, Source, Stream

BEFORE = 3  # steps that are taken as they are: libraries set themselves up meanwhile
CLOSE = 1e-3  # of a replayed value or gradient to the plain one, relative to the largest
Step = int | Tensor  # a number, or a tensor without dimensions that holds it


class Found(NamedTuple):
    """What a step computes before weights are moved."""

    values: Tensor  # (M,), nats
    gradients: tuple[Tensor | None, ...]


Compute = Callable[[Tensor, Step, Source], Found]  # of images (M, B, *shape), a step, and draws


class Record(NamedTuple):
    """A step that was recorded: what it reads, what replays it, and where its results then lie."""

    x: Tensor
    step: Tensor
    draws: Placed
    replay: Callable[[], Any]
    found: Callable[[], Found]


Make = Callable[[Compute, Tensor, Placed], Record]  # of a computation, images, and draws that lie where they then do


class Replayed:
    """A computation that is the same at every step but for images, draws and the number of the step.

    A GPU records it. On the CPU `make`, where it is given, makes a program of it. Where neither is wanted, or can be
    (it asks for a number on the way), or what is found then is something else, every step is computed as it is; `why`
    says so. Draws come from the streams as they would otherwise. The computation is given anew with each step, and not
    kept.
    """

    def __init__(self, streams: Sequence[Noise], make: Make | None = None) -> None:
        self.each, self.make = Each(streams), make
        self.own = [stream for stream in streams if isinstance(stream, Stream)]
        self.plain, self.why = 0, "" if len(self.own) == len(streams) else "a noise of another kind"
        self.record: Record | None = None

    def __call__(self, compute: Compute, x: Tensor, step: int) -> Found:
        """Values and gradients at a step, which are overwritten by the next one."""
        make = recorded if recordable(x.device) else self.make
        if self.record is None and not self.why and self.plain == BEFORE and make is not None:
            self.record = self._recorded(make, compute, x)
        if self.record is None:
            self.plain += 1
            self.each.asked.clear()
            return compute(x, step, self.each)
        self.record.x.copy_(x)
        self.record.step.fill_(step)
        self.record.draws.fill(self.own)
        self.record.replay()
        return self.record.found()

    def _recorded(self, make: Make, compute: Compute, x: Tensor) -> Record | None:
        try:
            record = make(compute, x.clone(), Placed(self.each.asked, len(x)))
            _refuse_unlike(record, compute)
        except Exception as error:  # torch says no in many ways
            if isinstance(error, torch.OutOfMemoryError) and len(x) > 1:  # half of them may have room
                raise
            self.why = in_a_line(error)
            print(f"note: every step is computed by itself, for none can be recorded ({self.why})", file=sys.stderr)
            return None
        return record


def _refuse_unlike(record: Record, compute: Compute) -> None:
    """ValueError unless what is replayed is what is computed, at a step and with draws that nobody recorded."""
    for step in (1, 2):
        record.step.fill_(step)
        record.draws.fill([Stream.seeded(step + place, record.x.device) for place in range(len(record.x))])
        record.replay()
        record.draws.rewind()
        plain = _tensors(compute(record.x, step, record.draws))
        sizes = [tensor.nan_to_num(0, 0, 0).abs().max().item() for tensor in plain]
        least = CLOSE * max(sizes[1:], default=0.0)  # a gradient of nothing but rounding is no other's equal
        for one, other, size in zip(_tensors(record.found()), plain, sizes, strict=True):
            if not torch.allclose(one, other, rtol=0, atol=CLOSE * max(size, least), equal_nan=True):
                raise ValueError("what is replayed is not what was recorded")


def _tensors(found: Found) -> list[Tensor]:
    return [found.values, *(gradient for gradient in found.gradients if gradient is not None)]


def recordable(device: torch.device) -> bool:
    """Whether steps are recorded there."""
    return device.type == "cuda"


def recorded(compute: Compute, x: Tensor, draws: Placed) -> Record:
    """A step of those images and draws, wherever they then lie, and of a number that is a tensor."""
    step, found = x.new_zeros(()), list[Found]()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(x.device), torch.cuda.graph(graph):
        found.append(compute(x, step, draws))
    return Record(x, step, draws, graph.replay, lambda: found[0])


def give_back() -> None:
    """Leave what a run held of a GPU to the others."""
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU's on a device, for which nobody waits."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
