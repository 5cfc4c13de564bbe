"""Draws from torch distributions with an explicit generator; shapes (K, B, D)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor
from torch.distributions import Distribution, Independent, Normal


def draw(distribution: Distribution, num_samples: int, generator: Generator | None) -> Tensor:
    """K samples (K, *batch, *event), reparameterised where the distribution allows it, from the given stream."""
    base = distribution
    while isinstance(base, Independent):
        base = base.base_dist
    if type(base) is Normal:
        shape = (num_samples, *base.loc.shape)
        noise = torch.randn(shape, generator=generator, dtype=base.loc.dtype, device=base.loc.device)
        return torch.addcmul(base.loc, base.scale, noise)
    with borrowed(generator):
        shape = torch.Size((num_samples,))
        return distribution.rsample(shape) if distribution.has_rsample else distribution.sample(shape)


@contextmanager
def borrowed(generator: Generator | None) -> Iterator[None]:
    """Let code that knows only torch's global stream draw from `generator`, and leave the global stream as it was."""
    if generator is None:
        yield
        return
    cuda = generator.device.type == "cuda"
    get = torch.cuda.get_rng_state if cuda else torch.get_rng_state
    put = torch.cuda.set_rng_state if cuda else torch.set_rng_state
    before = get()
    put(generator.get_state())
    try:
        yield
    finally:
        generator.set_state(get())
        put(before)
