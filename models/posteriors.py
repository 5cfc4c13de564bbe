"""Posterior heads: features h (B, H) of x -> tensors -> q(z|x), batch (B,), event (D,)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import softplus

from models.distributions import Delta, FullGaussian, diagonal_normal
from models.precision import through
from models.types import Scale

Tensors = dict[str, Tensor]
LEAST = -44.0  # of log s: 1 / s^2, a part of gradients of densities, is still a number of float32


class PosteriorHead(nn.Module):
    """Features (B, H) to the tensors that describe q(z|x), and these to q(z|x).

    The two steps are apart so that tensors can be detached, refined for each example, or stacked.
    """

    def forward(self, h: Tensor) -> Tensors:
        """Tensors (B, ...), or without B where they are the same for every x."""
        raise NotImplementedError

    def distribution(self, tensors: Tensors) -> Distribution:
        """q(z|x), batch (B,), event (D,)."""
        raise NotImplementedError

    def refuse(self, prior: nn.Module) -> None:
        """ValueError for a prior with which this head is not what it says; there is none unless a head knows one."""


class Encoder(nn.Module):
    """x (B, *shape) -> q(z|x): a network that gives features, and a head."""

    def __init__(self, features: nn.Module, head: PosteriorHead) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, x: Tensor) -> Distribution:
        """q(z|x), batch (B,), event (D,)."""
        return self.distribution(self.tensors(x))

    def tensors(self, x: Tensor) -> Tensors:
        """What describes q(z|x)."""
        return self.head(through(self.features, x))

    def distribution(self, tensors: Tensors) -> Distribution:
        """q(z|x) that those tensors describe."""
        return self.head.distribution(tensors)

    @torch.no_grad()
    def leaves(self, x: Tensor) -> Tensors:
        """The tensors of x, (B, ...) each, as leaves of their own: to be refined for each example."""
        found = {name: value if value.ndim > 1 else value.expand(len(x), -1) for name, value in self.tensors(x).items()}
        return {name: value.detach().clone().requires_grad_() for name, value in found.items()}


class Diagonal(PosteriorHead):
    """q(z|x) = N(m(h), diag s(h)^2), both linear in h, s through an exponential *(Kingma and Welling, 2014)*.

    scale: log_stddev, the linear map gives log s *(Burda et al., 2016)*; log_variance, it gives 2 log s *(Locatello et
    al., 2019)*; softplus, s is log(1 + e^(r - 5)) of what it gives *(Alemi et al., 2017: MNISTVIB.ipynb)*, narrow at
    first; shared, s is the same for all x, which is optimal for a linear-Gaussian model.
    """

    def __init__(self, num_features: int, latent_dim: int, *, scale: Scale = "log_stddev") -> None:
        super().__init__()
        self.mean = nn.Linear(num_features, latent_dim)
        self.log_stddev: nn.Module | nn.Parameter  # or twice that, for log_variance
        if scale == "shared":
            self.log_stddev = nn.Parameter(torch.zeros(latent_dim))
        else:
            self.log_stddev = nn.Linear(num_features, latent_dim)
        self.share = 0.5 if scale == "log_variance" else 1.0
        self.softplus = scale == "softplus"

    def forward(self, h: Tensor) -> Tensors:
        """mean (B, D), log_stddev (B, D) or (D,)."""
        own = self.log_stddev
        log_stddev = own if isinstance(own, Tensor) else self.share * own(h)
        found = log_softplus(log_stddev - 5) if self.softplus else log_stddev
        return {"mean": self.mean(h), "log_stddev": floored(found)}

    def distribution(self, tensors: Tensors) -> Distribution:
        """N(mean, diag exp(log_stddev)^2)."""
        mean = tensors["mean"]
        return diagonal_normal(mean, tensors["log_stddev"].exp().expand_as(mean), 1)


class Full(PosteriorHead):
    """q(z|x) = N(m(h), L(h) L(h)^T), L lower triangular with exp(.) on its diagonal, all linear in h.

    Axes of one example may be correlated, as they are in the exact posterior of a linear-Gaussian model whose columns
    are not orthogonal.
    """

    index: Tensor

    def __init__(self, num_features: int, latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(num_features, latent_dim)
        self.log_diagonal = nn.Linear(num_features, latent_dim)
        pairs = latent_dim * (latent_dim - 1) // 2
        self.lower = nn.Linear(num_features, pairs) if pairs else None
        self.register_buffer("index", _places(latent_dim), persistent=False)

    def forward(self, h: Tensor) -> Tensors:
        """mean and log_diagonal (B, D), lower (B, D (D - 1) / 2): the entries of L below its diagonal, row by row."""
        lower = h.new_zeros((len(h), 0)) if self.lower is None else self.lower(h)
        return {"mean": self.mean(h), "log_diagonal": floored(self.log_diagonal(h)), "lower": lower}

    def distribution(self, tensors: Tensors) -> Distribution:
        """N(mean, L L^T)."""
        mean, diagonal, lower = tensors["mean"], tensors["log_diagonal"].exp(), tensors["lower"]
        entries = torch.cat([lower, diagonal, torch.zeros_like(mean[..., :1])], dim=-1)
        return FullGaussian(mean, entries[..., self.index])


class Point(PosteriorHead):
    """q(z|x) = one point m(h), linear in h: the code of an autoencoder. It has no density, so no rate and no bound."""

    def __init__(self, num_features: int, latent_dim: int) -> None:
        super().__init__()
        self.mean = nn.Linear(num_features, latent_dim)

    def forward(self, h: Tensor) -> Tensors:
        """mean (B, D)."""
        return {"mean": self.mean(h)}

    def distribution(self, tensors: Tensors) -> Distribution:
        """All mass at the mean."""
        return Delta(tensors["mean"])


def floored(log_stddev: Tensor) -> Tensor:
    """The logarithm of a standard deviation, at least LEAST; its gradient is as without that, and so leads back.

    It is met where next to nothing presses on the rate, as in the first steps of a ramp of its weight.
    """
    return log_stddev + (LEAST - log_stddev).clamp_min(0).detach()


def log_softplus(x: Tensor) -> Tensor:
    """log log(1 + e^x), also where e^x is nothing beside 1: there it is x."""
    return torch.where(x < -15, x, softplus(x.clamp_min(-15)).log())


def _places(size: int) -> Tensor:
    """Where each entry of a lower triangular matrix (D, D) stands in (lower row by row, diagonal, zero)."""
    pairs = size * (size - 1) // 2
    index = torch.full((size, size), pairs + size)
    rows, columns = torch.tril_indices(size, size, -1)
    index[rows, columns] = torch.arange(pairs)
    index.fill_diagonal_(0)
    return index + torch.diag(torch.arange(pairs, pairs + size))
