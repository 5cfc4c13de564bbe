"""Objectives that ask more of the aggregate posterior than a bound does: nats, (B,) or a scalar, maximised."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from models.aggregate import Estimator, aggregate
from models.distributions import mean_covariance
from models.objectives import KL, rate
from models.sampling import draw
from models.schedules import ramp
from models.types import Count, Fraction, NonNegative, Positive
from models.vae import VAE, Batch


def annealed_vae(
    model: VAE,
    batch: Batch,
    *,
    gamma: NonNegative = 1000.0,
    capacity: NonNegative = 25.0,
    warmup_fraction: Fraction = 1 / 3,
) -> Tensor:
    """E log p(x|z) - gamma |KL - C| *(Burgess et al., 2018)*, a scalar in nats.

    KL is the mean over the batch, inside the absolute value; C rises from 0 to `capacity` over the first
    `warmup_fraction` of training.
    """
    inference = model.infer(batch.x, 1, batch.noise)
    target = capacity * ramp(batch.progress, warmup_fraction)
    return inference.log_px_z[0].mean() - gamma * (inference.kl.mean() - target).abs()


def beta_tcvae(
    model: VAE,
    batch: Batch,
    *,
    alpha: NonNegative = 1.0,
    beta: NonNegative = 6.0,
    gamma: NonNegative = 1.0,
    estimator: Estimator = "stratified",
    kl: KL = "monte_carlo",
    warmup_fraction: Fraction = 0.0,
) -> Tensor:
    """E log p(x|z) - alpha I_q(x;z) - beta TC(z) - gamma sum_j KL(q(z_j) || p(z_j)) *(Chen et al., 2018)*, (B,) nats.

    Taken as KL + (alpha - 1) I + (beta - 1) TC + (gamma - 1) sum_j, so that with alpha = beta = gamma = 1 it is the
    ELBO, whatever the estimator of q(z). `weighted` carries a constant, and its gradient is of another length: the
    betas of the two do not compare. Locatello et al. (2019) have `weighted` with the KL in closed form, Chen et al.
    (2018) one draw of each term. All three weights rise from 0 over the first `warmup_fraction` of training.
    """
    inference = model.infer(batch.x, 1, batch.noise)
    log_qz, log_product = aggregate(inference.posterior, inference.z[0], batch.num_examples, estimator)
    information, correlation = inference.log_qz_x[0] - log_qz, log_qz - log_product
    marginal = log_product - inference.log_pz[0]
    beyond = (alpha - 1) * information + (beta - 1) * correlation + (gamma - 1) * marginal
    return inference.log_px_z[0] - ramp(batch.progress, warmup_fraction) * (rate(inference, kl) + beyond)


def dip_vae(
    model: VAE,
    batch: Batch,
    *,
    kind: Literal["i", "ii"] = "i",
    lambda_off_diagonal: NonNegative = 10.0,
    lambda_diagonal: NonNegative = 100.0,
) -> Tensor:
    """ELBO - l_od sum_{i != j} S_ij^2 - l_d sum_i (S_ii - 1)^2 *(Kumar et al., 2018)*, a scalar.

    S = Cov_x E[z|x] (kind i), plus E_x Cov[z|x] (kind ii).
    """
    inference = model.infer(batch.x, 1, batch.noise)
    centred = inference.posterior.mean - inference.posterior.mean.mean(0)
    covariance = centred.T @ centred / len(centred)
    if kind == "ii":
        covariance = covariance + mean_covariance(inference.posterior)
    diagonal = covariance.diagonal()
    off = covariance.square().sum() - diagonal.square().sum()
    penalty = lambda_off_diagonal * off + lambda_diagonal * (diagonal - 1).square().sum()
    return (inference.log_px_z[0] - inference.kl).mean() - penalty


def info_vae(
    model: VAE,
    batch: Batch,
    *,
    alpha: float = 0.0,
    lambda_mmd: NonNegative = 1000.0,
    num_prior_samples: Count = 100,
    bandwidth: Positive | None = None,
) -> Tensor:
    """E log p(x|z) - (1 - alpha) KL - (alpha + lambda - 1) MMD(q(z), p(z)) *(Zhao et al., 2017)*, a scalar.

    The MMD has a Gaussian kernel exp(-|a - b|^2 / bandwidth), bandwidth 2 D unless given, and is the biased estimate
    from one z per example and draws of the prior, so it is never negative.
    """
    inference = model.infer(batch.x, 1, batch.noise)
    z = inference.z[0]
    prior = draw(inference.prior, num_prior_samples, batch.noise)
    distance = mmd(z, prior, 2.0 * z.shape[-1] if bandwidth is None else bandwidth)
    bound = (inference.log_px_z[0] - (1 - alpha) * inference.kl).mean()
    return bound - (alpha + lambda_mmd - 1) * distance


def mmd(first: Tensor, second: Tensor, bandwidth: float) -> Tensor:
    """Squared maximum mean discrepancy of samples (n, D), (m, D) *(Gretton et al., 2012)*: 0 where they are equal."""

    def mean_kernel(a: Tensor, b: Tensor) -> Tensor:
        square = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T
        return (-square / bandwidth).exp().mean()

    return mean_kernel(first, first) + mean_kernel(second, second) - 2 * mean_kernel(first, second)
