"""A posterior whose rate against N(0, I) has a floor, nats per latent."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import logsigmoid

from models.distributions import diagonal_normal, is_standard_normal
from models.posteriors import PosteriorHead, Tensors
from models.types import Positive


class DeltaVAE(PosteriorHead):
    """q(z|x) = N(m(h), diag s(h)^2), s < s_max, so that each KL(q(z_d|x) || N(0, 1)) is at least `rate` for every x.

    1/2 (m^2 + s^2 - 1 - log s^2) falls in s up to 1 and is least at m = 0; s_max solves 1/2 (s^2 - 1 - log s^2) = rate
    *(delta-VAE: Razavi et al., 2019, with independent latents)*. m is linear in h, and log s = log s_max + log
    sigmoid(a) with a linear in h. The code cannot collapse: its rate is at least D `rate`, needed or not.
    """

    def __init__(self, num_features: int, latent_dim: int, *, rate: Positive = 0.1) -> None:
        super().__init__()
        self.mean = nn.Linear(num_features, latent_dim)
        self.spread = nn.Linear(num_features, latent_dim)
        self.highest = log_greatest_stddev(rate)

    def forward(self, h: Tensor) -> Tensors:
        """mean (B, D), and spread (B, D) that the sigmoid is of."""
        return {"mean": self.mean(h), "spread": self.spread(h)}

    def distribution(self, tensors: Tensors) -> Distribution:
        """N(mean, diag s^2)."""
        return diagonal_normal(tensors["mean"], (self.highest + logsigmoid(tensors["spread"])).exp(), 1)

    def refuse(self, prior: nn.Module) -> None:
        """ValueError unless the prior is N(0, I), and stays it."""
        if any(weight.requires_grad for weight in prior.parameters()) or not is_standard_normal(prior()):
            what = "posterior: the floor of a delta-VAE's rate holds against N(0, I) alone"
            raise ValueError(f"{what}; use prior=standard_normal, or another posterior")


def log_greatest_stddev(rate: float) -> float:
    """log s_max, the negative root t of 1/2 (e^2t - 1) - t = rate, by halving: the KL there is at least `rate`."""
    low, high = -rate - 1.0, 0.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if 0.5 * math.expm1(2 * middle) - middle >= rate else (low, middle)
    return low
