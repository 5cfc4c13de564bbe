"""Heads that turn features into distributions: posteriors q(z|x), likelihoods p(x|z), priors p(z), all event-summed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from models.types import Likelihood, Scale, Variance


class GaussianPosterior(nn.Module):
    """q(z|x) = N(mean(h), diag exp(linear(h))^2) *(Burda et al., 2016)*, with features h (B, H) of x.

    With scale="log_variance" the linear map gives the logarithm of the variance *(Locatello et al., 2019)*.
    """

    def __init__(self, features: nn.Module, num_features: int, latent_dim: int, scale: Scale = "log_stddev") -> None:
        super().__init__()
        self.features = features
        self.mean = nn.Linear(num_features, latent_dim)
        self.log_stddev = nn.Linear(num_features, latent_dim)  # or twice that
        self.share = 1.0 if scale == "log_stddev" else 0.5

    def forward(self, x: Tensor) -> Distribution:
        """x (B, *shape) -> batch (B,), event (D,)."""
        h = self.features(x)
        return diagonal_normal(self.mean(h), (self.share * self.log_stddev(h)).exp(), 1)


class LinearPosterior(nn.Module):
    """q(z|x) = N(A x + b, diag s^2) with s the same for all x: what is optimal for a linear-Gaussian model."""

    def __init__(self, num_inputs: int, latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(num_inputs, latent_dim)
        self.log_stddev = nn.Parameter(torch.zeros(latent_dim))

    def forward(self, x: Tensor) -> Distribution:
        """x (B, *shape) -> batch (B,), event (D,)."""
        mean = self.mean(x.flatten(1))
        return diagonal_normal(mean, self.log_stddev.exp().expand_as(mean), 1)


class Decoder(nn.Module):
    """p(x|z) from a network that maps z (..., D) to an array (..., prod(shape)) of logits or means."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...], likelihood: Likelihood, sigma2: Variance) -> None:
        super().__init__()
        self.network = network
        self.shape = shape
        self.likelihood = likelihood
        log_sigma2 = torch.tensor(0.0 if sigma2 == "learned" else math.log(sigma2))
        self.log_sigma2 = nn.Parameter(log_sigma2, requires_grad=sigma2 == "learned")

    def forward(self, z: Tensor) -> Distribution:
        """z (..., D) -> batch (...), event (*shape)."""
        output = self.network(z).reshape(*z.shape[:-1], *self.shape)
        if self.likelihood == "bernoulli":
            return Independent(Bernoulli(logits=output, validate_args=False), len(self.shape), validate_args=False)
        return diagonal_normal(output, (0.5 * self.log_sigma2).exp().expand_as(output), len(self.shape))


class StandardNormal(nn.Module):
    """p(z) = N(0, I), event (D,)."""

    loc: Tensor
    scale: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(latent_dim))
        self.register_buffer("scale", torch.ones(latent_dim))

    def forward(self) -> Distribution:
        """The prior itself: no input."""
        return diagonal_normal(self.loc, self.scale, 1)


def diagonal_normal(mean: Tensor, stddev: Tensor, event_dims: int) -> Distribution:
    """N(mean, diag stddev^2) whose last `event_dims` dimensions are one event; arguments are not validated (speed)."""
    return Independent(Normal(mean, stddev, validate_args=False), event_dims, validate_args=False)


def is_diagonal_normal(distribution: Distribution) -> bool:
    """Whether it is Gaussian with independent axes, as `diagonal_normal` makes."""
    return isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal)


def is_standard_normal(distribution: Distribution) -> bool:
    """Whether it is N(0, I)."""
    if not is_diagonal_normal(distribution):
        return False
    return bool((distribution.mean == 0).all() and (distribution.stddev == 1).all())


def output_bias(mean: Tensor, likelihood: Likelihood) -> Tensor:
    """The output that predicts the training mean: its logit, clipped to 0.001..0.999, or for a Gaussian itself."""
    return torch.logit(mean, eps=1e-3) if likelihood == "bernoulli" else mean
