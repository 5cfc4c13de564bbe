"""Steps of a GPU that are recorded once and replayed: a hundred small kernels for the price of one launch.

A step of small networks is spent waiting for Python: 4 ms of a perceptron's on an H200, whose kernels take 0.3.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from models.noise import Each, Noise, Placed, Source, Stream

BEFORE = 3  # steps that are taken as they are: libraries set themselves up meanwhile
CLOSE = 1e-3  # of a replayed value or gradient to the plain one, relative to the largest
Step = int | Tensor  # a number, or a tensor without dimensions that holds it


class Found(NamedTuple):
    """What a step computes before weights are moved."""

    values: Tensor  # (M,), nats
    gradients: tuple[Tensor | None, ...]


Compute = Callable[[Tensor, Step, Source], Found]  # of images (M, B, *shape), a step, and draws


class Replayed:
    """A computation that is the same at every step but for images, draws and the number of the step.

    On the CPU, and where the accelerator cannot record it (it asks for a number on the way) or computes something else
    from what it recorded, every step is computed as it is; `why` says so. Draws come from the streams as they would
    otherwise.
    """

    def __init__(self, compute: Compute, streams: Sequence[Noise]) -> None:
        self.compute, self.streams = compute, streams
        self.plain, self.why = 0, ""
        self.replay: Callable[[], Any] | None = None

    def __call__(self, x: Tensor, step: int) -> Found:
        """Values and gradients at a step, which are overwritten by the next one."""
        if self.replay is None and not self.why and self.plain == BEFORE:
            self._record(x)
        if self.replay is None:
            self.plain += 1
            self.each = Each(self.streams)
            return self.compute(x, step, self.each)
        self.x.copy_(x)
        self.step.fill_(step)
        self.draws.fill(self.own)
        self.replay()
        return self.found

    def _record(self, x: Tensor) -> None:
        self.own = [stream for stream in self.streams if isinstance(stream, Stream)]
        self.why = "" if recordable(x.device) and len(self.own) == len(self.streams) else "there is no GPU"
        if self.why:
            return
        self.x, self.step = x.clone(), torch.zeros((), dtype=torch.float64, device=x.device)
        self.draws = Placed(self.each.asked, len(x))
        try:
            self.replay = recorded(self._compute, x.device)
            self._refuse_unlike()
        except Exception as error:  # torch says no in many ways
            if isinstance(error, torch.OutOfMemoryError) and len(x) > 1:  # half of them may have room
                raise
            self.why, self.replay = f"{type(error).__name__}: {' '.join(str(error).split())}", None
            print(f"note: every step is computed by itself, for none can be recorded ({self.why})", file=sys.stderr)

    def _compute(self) -> None:
        self.draws.rewind()
        self.found = self.compute(self.x, self.step, self.draws)

    def _refuse_unlike(self) -> None:
        """ValueError unless what is replayed is what is computed, at a step and with draws that nobody recorded."""
        assert self.replay is not None
        for step in (1, 2):
            self.step.fill_(step)
            self.draws.fill([Stream.seeded(step + place, self.x.device) for place in range(len(self.own))])
            self.replay()
            self.draws.rewind()
            plain = self.compute(self.x, step, self.draws)
            sizes = [other.nan_to_num(0, 0, 0).abs().max().item() for other in _tensors(plain)]
            least = CLOSE * max(sizes[1:], default=0.0)  # a gradient of nothing but rounding is no other's equal
            for one, other, size in zip(_tensors(self.found), _tensors(plain), sizes, strict=True):
                if not torch.allclose(one, other, rtol=0, atol=CLOSE * max(size, least), equal_nan=True):
                    raise ValueError("what is replayed is not what was recorded")


def _tensors(found: Found) -> list[Tensor]:
    return [found.values, *(gradient for gradient in found.gradients if gradient is not None)]


def recordable(device: torch.device) -> bool:
    """Whether steps are recorded there."""
    return device.type == "cuda"


def recorded(compute: Callable[[], None], device: torch.device) -> Callable[[], Any]:
    """What computes it again where everything lies now; that it computes it now is not promised."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.device(device), torch.cuda.graph(graph):
        compute()
    return graph.replay


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU's on a device, for which nobody waits."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
