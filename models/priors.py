"""Priors p(z), event (D,): modules without input whose parameters, if any, are learned with the rest."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.distributions import GaussianMixture, diagonal_normal
from models.types import Count, Positive


class StandardNormal(nn.Module):
    """p(z) = N(0, I)."""

    loc: Tensor
    scale: Tensor

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(latent_dim))
        self.register_buffer("scale", torch.ones(latent_dim))

    def forward(self) -> Distribution:
        """The prior itself."""
        return diagonal_normal(self.loc, self.scale, 1)


class LearnedNormal(nn.Module):
    """p(z) = N(m, diag s^2) with m and s learned, from N(0, I).

    With a network before and behind the code this adds nothing that an affine map of z could not: it shows which part
    of a rate is scale alone. Scores that assume N(0, I) do not exist for it.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(latent_dim))
        self.log_stddev = nn.Parameter(torch.zeros(latent_dim))

    def forward(self) -> Distribution:
        """The prior itself."""
        return diagonal_normal(self.loc, self.log_stddev.exp(), 1)


class Mixture(nn.Module):
    """p(z) = sum_c w_c N(m_c, diag s_c^2), all learned; an expressive marginal m(z) *(Alemi et al., 2018)*.

    Means start as draws of N(0, spread^2 I), deviations at one, weights equal: equal components would stay equal.
    """

    in_closed_form: ClassVar[tuple[str, ...]] = ("logits",)  # what `closed_form` sets

    def __init__(self, latent_dim: int, *, num_components: Count = 10, spread: Positive = 1.0) -> None:
        super().__init__()
        self.loc = nn.Parameter(spread * torch.randn(num_components, latent_dim))
        self.log_stddev = nn.Parameter(torch.zeros(num_components, latent_dim))
        self.logits = nn.Parameter(torch.zeros(num_components))

    def forward(self) -> Distribution:
        """The prior itself."""
        return GaussianMixture(self.logits, self.loc, self.log_stddev.exp())

    @torch.no_grad()
    def closed_form(self, z: Tensor, rate: float) -> None:
        """Move the weights to (1 - rate) w_c + rate mean_n p(c|z_n), as online EM does *(Cappe and Moulines, 2009)*.

        z (N, D) are codes; `rate`, in (0, 1], is the share of the new answer.
        """
        components = diagonal_normal(self.loc, self.log_stddev.exp(), 1)
        responsibilities = (components.log_prob(z[:, None]) + self.logits.log_softmax(0)).softmax(-1)
        self.logits.copy_(torch.lerp(self.logits.softmax(0), responsibilities.mean(0), rate).log())
