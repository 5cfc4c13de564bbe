"""Objectives (model, batch) -> (B,): maximised, in nats; each value is the quantity that it is named after."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from models.gradients import detached, weighed_paths
from models.sampling import draw
from models.schedules import ramp
from models.types import Count, Fraction, NonNegative
from models.vae import VAE, Batch, Inference

KL = Literal["analytic", "monte_carlo"]
Gradient = Literal["plain", "dreg"]


def elbo(model: VAE, batch: Batch, *, kl: KL = "analytic", num_samples: Count = 1) -> Tensor:
    """ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z)) *(Kingma and Welling, 2014, Eq. 3)*, (B,) nats, mean of K samples.

    The KL is in closed form where one is known, or the mean of log q(z|x) - log p(z); both have the same expectation.
    """
    return beta_vae(model, batch, beta=1.0, kl=kl, num_samples=num_samples)


def beta_vae(
    model: VAE,
    batch: Batch,
    *,
    beta: NonNegative = 4.0,
    kl: KL = "analytic",
    num_samples: Count = 1,
    warmup_fraction: Fraction = 0.0,
) -> Tensor:
    """E_q[log p(x|z)] - beta KL(q(z|x) || p(z)) *(Higgins et al., 2017, Eq. 4)*, (B,) nats; a bound if beta >= 1.

    The weight rises from 0 to beta over the first `warmup_fraction` of training.
    """
    inference = model.infer(batch.x, num_samples, batch.noise)
    return inference.log_px_z.mean(0) - beta * ramp(batch.progress, warmup_fraction) * rate(inference, kl)


def iwae(model: VAE, batch: Batch, *, num_samples: Count = 5, gradient: Gradient = "plain") -> Tensor:
    """L_K(x) = log 1/K sum_i w_i, w_i = p(x, z_i) / q(z_i|x) *(Burda et al., 2016, Eq. 8)*, (B,) nats.

    ELBO = L_1 <= L_K <= L_K+1 <= log p(x). The gradient is that of the value itself (plain), or doubly reparameterised
    (dreg): the same in expectation and to the decoder and prior, v_i = w_i / sum w times the gradient of each log w_i;
    to the encoder only along z_i, v_i^2 times it, with less variance *(Tucker et al., 2019)*.
    """
    if gradient == "plain":
        log_w = model.infer(batch.x, num_samples, batch.noise).log_w
    else:
        posterior = model.encoder(batch.x)
        z, zeros = weighed_paths(draw(posterior, num_samples, batch.noise))
        log_w = model.decode(batch.x, z, detached(posterior)).log_w + zeros
    return log_w.logsumexp(0) - math.log(num_samples)


def autoencoder(model: VAE, batch: Batch) -> Tensor:
    """log p(x|z), (B,) nats: minus the distortion alone, at the one z that a point posterior gives."""
    return model.infer(batch.x, 1, batch.noise).log_px_z[0]


def rate(inference: Inference, kl: KL) -> Tensor:
    """KL(q(z|x) || p(z)), (B,) nats: in closed form where one is known, or the mean of log q - log p over the draws."""
    return inference.kl if kl == "analytic" else inference.kl_by_draws


# Objectives whose gradient has the expectation of the value's own, which a law holds them to.
UNBIASED = (elbo, beta_vae, iwae)
