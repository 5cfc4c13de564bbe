"""FactorVAE: an objective with a network of its own, which tells q(z) from the product of its marginals."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from models.noise import Noise
from models.sampling import draw
from models.schedules import ramp
from models.types import Count, Fraction, NonNegative, Positive
from models.vae import VAE, Batch
from models.weights import glorot


class Adversarial(nn.Module):
    """An objective with parameters of its own: the trainer calls `update` after each step of the model."""

    def update(self, model: VAE, batch: Batch) -> None:
        """One step of the adversary; the model stays as it is."""
        raise TypeError(f"{type(self).__name__} is an adversarial objective without an update")


class FactorVAE(Adversarial):
    """ELBO - gamma TC(z), TC from the logit of a discriminator *(Kim and Mnih, 2018)*, (B,) nats.

    gamma rises from 0 over the first `warmup_fraction` of training. The trainer maximises the value over the model,
    then minimises `adversary_loss` over this module's parameters with Adam at `learning_rate`, on fresh draws for the
    same examples. The logit is the difference of two outputs, and the weights start as those of a network do (Glorot,
    zero biases).
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        gamma: NonNegative = 10.0,
        hidden: tuple[Count, ...] = (1000, 1000, 1000, 1000, 1000, 1000),
        learning_rate: Positive = 1e-4,
        warmup_fraction: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.gamma, self.warmup_fraction = gamma, warmup_fraction
        widths = (latent_dim, *hidden)
        layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.LeakyReLU(0.2))]
        self.discriminator = nn.Sequential(*layers, nn.Linear(widths[-1], 2))
        glorot(self.discriminator)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=learning_rate, betas=(0.5, 0.9))

    def forward(self, model: VAE, batch: Batch) -> Tensor:
        """The objective, with the discriminator's logit as the total correlation."""
        inference = model.infer(batch.x, 1, batch.noise)
        gamma = self.gamma * ramp(batch.progress, self.warmup_fraction)
        return inference.log_px_z[0] - inference.kl - gamma * self.logit(inference.z[0])

    def logit(self, z: Tensor) -> Tensor:
        """The discriminator's estimate of log q(z) - log prod_j q(z_j), (B,) nats, for z (B, D)."""
        joint, product = self.discriminator(z).unbind(-1)
        return joint - product

    def adversary_loss(self, model: VAE, batch: Batch) -> Tensor:
        """Cross-entropy of telling z ~ q(z) from z whose dimensions come from different examples each, nats."""
        with torch.no_grad():
            z = draw(model.encoder(batch.x), 1, batch.noise)[0]
            shuffled = permute_dimensions(z, batch.noise)
        return 0.5 * (softplus(-self.logit(z)).mean() + softplus(self.logit(shuffled)).mean())

    def update(self, model: VAE, batch: Batch) -> None:
        """One step of the discriminator; the model stays as it is."""
        self.optimizer.zero_grad(set_to_none=True)
        self.adversary_loss(model, batch).backward()
        self.optimizer.step()


def permute_dimensions(z: Tensor, noise: Noise) -> Tensor:
    """Each column of z (B, D) in an order of its own: a draw of the product of the marginals."""
    return z.gather(0, noise.uniform(z.shape, z).argsort(0))
