"""Draws from torch distributions whose randomness is an argument; shapes (K, B, D)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor
from torch.distributions import Distribution, Independent, Normal

from models.noise import Noise, Stream


def draw(distribution: Distribution, num_samples: int, noise: Noise) -> Tensor:
    """K samples (K, *batch, *event), reparameterised where the distribution allows it.

    A distribution's own method `draw(num_samples, noise)` comes first. What knows only torch's global stream draws from
    the generator of a `Stream`; ValueError for a noise that has none.
    """
    base = distribution
    while isinstance(base, Independent):
        base = base.base_dist
    if own := getattr(base, "draw", None):
        return own(num_samples, noise)
    if type(base) is Normal:
        return torch.addcmul(base.loc, base.scale, noise.normal((num_samples, *base.loc.shape), base.loc))
    with borrowed(_generator(base, noise)):
        shape = torch.Size((num_samples,))
        return distribution.rsample(shape) if distribution.has_rsample else distribution.sample(shape)


def _generator(distribution: Distribution, noise: Noise) -> Generator:
    if isinstance(noise, Stream):
        return noise.generator
    name = type(distribution).__name__
    what = f"{name} is drawn by torch alone, from a generator, and {type(noise).__name__} noise has none"
    raise ValueError(f"{what}; give {name} a method draw(num_samples, noise)")


@contextmanager
def borrowed(generator: Generator) -> Iterator[None]:
    """Let code that knows only torch's global stream draw from `generator`, and leave the global stream as it was."""
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
