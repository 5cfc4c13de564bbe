"""Priors that are normalising flows of zuko (the extra `flows`), event (D,), nats."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.noise import Noise
from models.sampled import Sampled
from models.types import Count


class Flow(Sampled):
    """p(z) = N(f(z); 0, I) |det df/dz| of a transform f: draws are f^-1(e), e ~ N(0, I)."""

    moment_draws = 4096

    def __init__(self, flow: Any, like: Tensor) -> None:
        self.flow, self.like = flow, like
        super().__init__(torch.Size(), torch.Size(flow.event_shape), validate_args=False)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """(K, D), in D passes through each transform."""
        return self.flow.transform.inv(noise.normal((num_samples, *self.event_shape), self.like))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(z) of z (..., D), (...)."""
        return self.flow.log_prob(value)


class _Prior(nn.Module):
    def __init__(self, flow: nn.Module) -> None:
        super().__init__()
        self.flow = flow

    def forward(self) -> Distribution:
        """The prior itself."""
        return Flow(self.flow(), next(self.flow.parameters()))


class MAF(_Prior):
    """p(z) of masked autoregressive affine transforms, whose order turns each time *(Papamakarios et al., 2017)*.

    One pass for a density, D for a draw of each transform. Moments are those of 4,096 draws of fixed noise.
    """

    def __init__(self, latent_dim: int, *, transforms: Count = 3, hidden: tuple[Count, ...] = (64, 64)) -> None:
        super().__init__(_zuko().flows.MAF(latent_dim, transforms=transforms, hidden_features=hidden))


class NSF(_Prior):
    """p(z) of autoregressive rational-quadratic splines of `bins` bins on [-5, 5] *(Durkan et al., 2019)*.

    Outside that they are the identity. One pass for a density, D for a draw of each transform. Moments are those of
    4,096 draws of fixed noise.
    """

    def __init__(
        self, latent_dim: int, *, transforms: Count = 3, hidden: tuple[Count, ...] = (64, 64), bins: Count = 8
    ) -> None:
        super().__init__(_zuko().flows.NSF(latent_dim, bins=bins, transforms=transforms, hidden_features=hidden))


def _zuko() -> ModuleType:
    try:
        import zuko
    except ImportError as error:
        what = "prior: its flows are zuko's, which is not installed"
        raise ValueError(f"{what}; pip install 'betterbound[flows]', or choose prior=autoregressive") from error
    return zuko
