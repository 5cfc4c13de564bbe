"""Decoding many codes for the values alone: what one costs, and log p(x|z) (K, B) in pieces that stay in a cache."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.utils.flop_counter import FlopCounterMode

from models.precision import Precision, networks_in

PIECE = 2**20  # numbers of the widest layer held at a time: 4 MB of float32, what a processor's cache keeps near
OF_A_GPU = 2**26  # the same there, which waits for Python between small pieces: a quarter of a GB

LogLikelihood = Callable[[Tensor, Tensor], Tensor]  # x (b, *shape), z (k, b, D) -> (k, b) nats


class Streamed(Distribution):
    """p(x|z) of codes z (K, B, D) that are decoded when a log-density is asked for, and forgotten piece by piece.

    No more than `rows` codes are decoded at a time, by a network that computes in `precision`. Nothing has a gradient.
    """

    def __init__(self, log_px_z: LogLikelihood, z: Tensor, rows: int, precision: Precision = "fp32") -> None:
        self.log_px_z, self.z, self.rows, self.precision = log_px_z, z, rows, precision
        super().__init__(z.shape[:-1], validate_args=False)

    @torch.no_grad()
    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x|z) of x (B, *shape), (K, B) nats."""
        samples = min(len(self.z), self.rows)
        examples = max(1, self.rows // samples)  # many samples of few examples: the same x is used again and again
        columns = zip(value.split(examples), self.z.split(examples, 1), strict=True)
        with networks_in(self.precision):
            return torch.cat([torch.cat([self.log_px_z(x, part) for part in z.split(samples)]) for x, z in columns], 1)


def rows_of(decoder: nn.Module, z: Tensor) -> int:
    """How many codes like those of z (..., D) are a piece."""
    return max(1, (PIECE if z.device.type == "cpu" else OF_A_GPU) // widest(decoder, z))


@torch.no_grad()
def widest(decoder: nn.Module, z: Tensor) -> int:
    """Numbers of the largest activation of one code, such as those of z (..., D)."""
    found = [1]

    def count(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor | Distribution):
            found.append(output.numel() if isinstance(output, Tensor) else output.event_shape.numel())

    hooks = [module.register_forward_hook(count) for module in decoder.modules()]
    try:
        _decode(decoder, z)
    finally:
        for hook in hooks:
            hook.remove()
    return max(found)


@torch.no_grad()
def multiplications(decoder: nn.Module, z: Tensor) -> int:
    """What decoding one code costs, counted as it is decoded: a convolution's weights are used at every position."""
    with FlopCounterMode(display=False) as counter:
        _decode(decoder, z)
    return max(1, counter.get_total_flops() // 2)


def _decode(decoder: nn.Module, z: Tensor) -> None:
    """One code and the density of one picture, which may take a network too."""
    found = decoder(z.new_zeros((1, 1, z.shape[-1])))
    with suppress(ValueError, NotImplementedError):  # a picture of zeros may be outside of a support
        found.log_prob(z.new_zeros(found.event_shape))
