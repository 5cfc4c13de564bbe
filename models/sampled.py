"""Distributions, event (D,), whose moments are known by draws alone: of fixed noise, so that they are functions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.noise import Noise


class Fixed:
    """The same noise for every example, and whenever it is asked for: pairs e and -e, u and 1 - u, of mean square one.

    What is a linear map of normal noise has its exact mean by it, and on each axis its exact variance.
    """

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """(S, ..., D): S numbers for each of D."""
        half = self.rng.standard_normal((shape[0] // 2, shape[-1]))
        half /= np.sqrt((half**2).mean(0))
        return _spread(np.concatenate([half, -half]), shape, like)

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """(S, ..., D) in [0, 1): S numbers for each of D."""
        half = self.rng.random((shape[0] // 2, shape[-1]))
        return _spread(np.concatenate([half, 1 - half]).clip(0, 1 - 1e-7), shape, like)


def _spread(numbers: np.ndarray, shape: Sequence[int], like: Tensor) -> Tensor:
    found = torch.from_numpy(numbers).to(like.device, like.dtype)
    return found.reshape(len(found), *(1 for _ in shape[1:-1]), -1).expand(*shape)


class Sampled(Distribution):
    """One that knows its density and how to `draw`; mean, variance and covariance are of `moment_draws` draws.

    The draws are of fixed noise, the same for every example: a mean is a deterministic and smooth function of what the
    distribution is made of, off by about stddev / sqrt(moment_draws), and by nothing where draws are linear in noise.
    """

    has_rsample = True
    moment_draws = 256

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """(K, *batch, D)."""
        raise NotImplementedError

    @cached_property
    def _draws(self) -> Tensor:
        return self.draw(self.moment_draws, Fixed())

    @property
    def mean(self) -> Tensor:
        """Of draws, (*batch, D)."""
        return self._draws.mean(0)

    @property
    def variance(self) -> Tensor:
        """Of draws, (*batch, D)."""
        return self._draws.var(0)

    @property
    def covariance_matrix(self) -> Tensor:
        """Of draws, (*batch, D, D)."""
        centred = (self._draws - self.mean).movedim(0, -1)
        return centred @ centred.mT / (self.moment_draws - 1)
