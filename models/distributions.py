"""Distributions with what is asked of them here: draws from a given stream, detaching, whether there is a density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)
from torch.nn.functional import softplus

from models.sampled import Sampled

if TYPE_CHECKING:
    from models.noise import Noise


class NoDensity(ValueError):
    """Somebody asked for a density that does not exist."""


class FullGaussian(MultivariateNormal):
    """N(loc, L L^T) for loc (..., D) and a lower triangular L (..., D, D) with a positive diagonal."""

    def __init__(self, loc: Tensor, scale_tril: Tensor) -> None:
        super().__init__(loc, scale_tril=scale_tril, validate_args=False)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """loc + L e with e ~ N(0, I), (K, ..., D)."""
        e = noise.normal((num_samples, *self.loc.shape), self.loc)
        return self.loc + (self.scale_tril @ e[..., None])[..., 0]

    def detached(self) -> FullGaussian:
        """The same distribution, whose density has no gradient to its parameters."""
        return FullGaussian(self.loc.detach(), self.scale_tril.detach())


class Delta(Distribution):
    """All mass at one point (..., D): it can be drawn from, and has no density."""

    has_rsample = True

    def __init__(self, point: Tensor) -> None:
        self.point = point
        super().__init__(point.shape[:-1], point.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The point itself."""
        return self.point

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.point)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The point again and again."""
        return self.point.expand(*sample_shape, *self.point.shape)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """The point K times, (K, ..., D); nothing is drawn."""
        return self.rsample((num_samples,))

    def detached(self) -> Delta:
        """Refused: where there is no density, no estimator can do without its gradient."""
        raise NoDensity("a point posterior has no density q(z|x), which this estimator needs")

    def log_prob(self, value: Tensor) -> Tensor:
        """Refused: it does not exist."""
        raise NoDensity("a point posterior has no density q(z|x), which this needs")


class GaussianMixture(MixtureSameFamily):
    """sum_c w_c N(loc_c, diag stddev_c^2) for logits (C,), loc and stddev (C, D); event (D,)."""

    def __init__(self, logits: Tensor, loc: Tensor, stddev: Tensor) -> None:
        weights = Categorical(logits=logits, validate_args=False)
        super().__init__(weights, diagonal_normal(loc, stddev, 1), validate_args=False)
        self.loc, self.scale = loc, stddev

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """A component by its weight, then a point of it, (K, D); there is a gradient to loc and stddev alone."""
        cumulative = self.mixture_distribution.probs.cumsum(-1)
        u = noise.uniform((num_samples, 1), self.loc)
        chosen = (u > cumulative).sum(-1).clamp_max(len(self.loc) - 1)
        return torch.addcmul(self.loc[chosen], self.scale[chosen], noise.normal((num_samples, *self.event_shape), u))

    def responsibilities(self, z: Tensor) -> Tensor:
        """p(c|z) of z (..., D), (..., C)."""
        joint = self.component_distribution.log_prob(z[..., None, :]) + self.mixture_distribution.logits
        return joint.softmax(-1)


class Bits(Bernoulli):
    """Bernoulli by logits, whose log-density takes a GPU a quarter of the time."""

    def log_prob(self, value: Tensor) -> Tensor:
        """x l - log(1 + exp(l)), of the shape of both."""
        if not self.logits.is_cuda:
            return super().log_prob(value)
        return LogBernoulli.apply(*torch.broadcast_tensors(self.logits, value))


class LogBernoulli(torch.autograd.Function):
    """x l - log(1 + exp(l)) in the fewest passes over memory: where it is mapped, torch's own takes twice as many."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, x: Tensor) -> Tensor:
        return (logits * x).sub_(softplus(logits, threshold=40))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Both are needed on the way back."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """To the logits x - sigmoid(l), to x l."""
        logits, x = ctx.saved_tensors
        to_logits = (x - logits.sigmoid()) * gradient if ctx.needs_input_grad[0] else None
        return to_logits, logits * gradient if ctx.needs_input_grad[1] else None


def diagonal_normal(mean: Tensor, stddev: Tensor, event_dims: int) -> Distribution:
    """N(mean, diag stddev^2) whose last `event_dims` dimensions are one event; arguments are not validated (speed)."""
    return Independent(Normal(mean, stddev, validate_args=False), event_dims, validate_args=False)


def bernoulli(logits: Tensor, event_dims: int) -> Distribution:
    """Independent binary values; the density of grey ones in [0, 1] is the usual pseudo-likelihood."""
    return Independent(Bits(logits=logits, validate_args=False), event_dims, validate_args=False)


def is_diagonal_normal(distribution: Distribution) -> bool:
    """Whether it is Gaussian with independent axes, as `diagonal_normal` makes."""
    return isinstance(distribution, Independent) and isinstance(distribution.base_dist, Normal)


def is_standard_normal(distribution: Distribution) -> bool:
    """Whether it is N(0, I)."""
    if not is_diagonal_normal(distribution):
        return False
    return bool((distribution.mean == 0).all() and (distribution.stddev == 1).all())


def has_density(distribution: Distribution) -> bool:
    """Whether log q(z|x) exists."""
    return not isinstance(distribution, Delta)


def assumed_density(distribution: Distribution) -> Literal["diagonal"] | None:
    """What scores may assume of q(z|x) beyond its moments."""
    return "diagonal" if is_diagonal_normal(distribution) else None


def assumed_prior(distribution: Distribution) -> Literal["standard_normal"] | None:
    """What scores may assume of p(z)."""
    return "standard_normal" if is_standard_normal(distribution) else None


def mean_covariance(distribution: Distribution) -> Tensor:
    """E_x Cov[z|x] over the batch, (D, D)."""
    if isinstance(distribution, MultivariateNormal | Sampled):
        return distribution.covariance_matrix.mean(0)
    return torch.diag(distribution.variance.mean(0))
