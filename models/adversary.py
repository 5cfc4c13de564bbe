"""FactorVAE: an objective with a network of its own, which tells q(z) from the product of its marginals."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from models.auxiliary import Auxiliary
from models.noise import Noise
from models.precision import through
from models.sampling import draw
from models.schedules import ramp
from models.types import Count, Fraction, NonNegative, Optimizer, OptimizerOptions, Positive
from models.vae import VAE, Batch
from models.weights import glorot


class FactorVAE(nn.Module):
    """ELBO - gamma TC(z), TC from the logit of a discriminator *(Kim and Mnih, 2018)*, (B,) nats.

    gamma rises from 0 over the first `warmup_fraction` of training. The trainer maximises the value over the model,
    then the discriminator's over its own parameters, by the optimiser that is named here, on fresh draws for the same
    examples. The logit is the difference of two outputs, and the weights start as those of a network do (Glorot,
    zero biases).
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        gamma: NonNegative = 10.0,
        hidden: tuple[Count, ...] = (1000, 1000, 1000, 1000, 1000, 1000),
        warmup_fraction: Fraction = 0.0,
        optimizer: Optimizer = "Adam",
        learning_rate: Positive = 1e-4,
        optimizer_options: OptimizerOptions | None = None,
    ) -> None:
        super().__init__()
        self.gamma, self.warmup_fraction = gamma, warmup_fraction
        widths = (latent_dim, *hidden)
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        self.discriminator = nn.Sequential(*layers, nn.Linear(widths[-1], 2))
        glorot(self.discriminator)
        self.optimizer, self.learning_rate, self.options = optimizer, learning_rate, optimizer_options or {}

    def forward(self, model: VAE, batch: Batch) -> Tensor:
        """The objective, with the discriminator's logit as the total correlation."""
        inference = model.infer(batch.x, 1, batch.noise)
        gamma = self.gamma * ramp(batch.progress, self.warmup_fraction)
        return inference.log_px_z[0] - inference.kl - gamma * self.logit(inference.z[0])

    def logit(self, z: Tensor) -> Tensor:
        """The discriminator's estimate of log q(z) - log prod_j q(z_j), (B,) nats, for z (B, D)."""
        joint, product = through(self.discriminator, z).unbind(-1)
        return joint - product

    def auxiliaries(self) -> tuple[Auxiliary, ...]:
        """The discriminator, with the optimiser of its own."""
        how = (self.optimizer, self.learning_rate, self.options)
        return (Auxiliary("discriminator", self.discriminator, self.log_likelihood, *how),)

    def log_likelihood(self, model: VAE, batch: Batch) -> Tensor:
        """Minus the cross-entropy of telling z ~ q(z) from z whose dimensions come from different examples each, nats.

        At chance it is -log 2; the model gets no gradient of it.
        """
        with torch.no_grad():
            z = draw(model.encoder(batch.x), 1, batch.noise)[0]
            shuffled = permute_dimensions(z, batch.noise)
        return -0.5 * (softplus(-self.logit(z)).mean() + softplus(self.logit(shuffled)).mean())


def permute_dimensions(z: Tensor, noise: Noise) -> Tensor:
    """Each column of z (B, D) in an order of its own: a draw of the product of the marginals."""
    return z.gather(0, noise.uniform(z.shape, z).argsort(0))
