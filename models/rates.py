"""Objectives that say where on the rate-distortion plane a model is to be: scalars in nats, maximised."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from models.objectives import KL, rate
from models.schedules import ramp
from models.types import Fraction, NonNegative
from models.vae import VAE, Batch

AboveOne = Annotated[float, Gt(1)]


def target_rate(
    model: VAE,
    batch: Batch,
    *,
    target: NonNegative = 10.0,
    weight: AboveOne = 2.0,
    kl: KL = "analytic",
    warmup_fraction: Fraction = 0.0,
) -> Tensor:
    """-(D + lambda |R - R*|) *(Alemi et al., 2018)*, a scalar in nats; R* = `target`, lambda = `weight` > 1.

    D and R are means over the batch, R inside the absolute value. Above R* a nat of rate costs lambda nats and saves
    at most one of distortion at the optimum, below it the other way round: at lambda = 1 every rate above R* ties, so
    lambda is greater. With a decoder that needs no code, this is what makes it use one. The target rises from 0 over
    the first `warmup_fraction` of training; `annealed_vae` is the same form with a large weight (Burgess et al., 2018).
    """
    inference = model.infer(batch.x, 1, batch.noise)
    wanted = target * ramp(batch.progress, warmup_fraction)
    return inference.log_px_z[0].mean() - weight * (rate(inference, kl).mean() - wanted).abs()


def free_bits(model: VAE, batch: Batch, *, free: NonNegative = 0.1) -> Tensor:
    """E log p(x|z) - sum_d max(lambda, KL_d) *(Kingma et al., 2016, Eq. 15)*, a scalar in nats; lambda = `free`.

    KL_d is the mean over the batch of KL(q(z_d|x) || p(z_d)), nats of one latent dimension: below lambda it costs
    nothing. (Clamping the KL of each example is another objective, and larger.) At lambda = 0 it is the ELBO, else it
    is below the ELBO and no bound that a likelihood is stated by. ValueError where q or p does not factorise.
    """
    inference = model.infer(batch.x, 1, batch.noise)
    each = inference.kl_per_dimension
    if each is None:
        need = "needs a posterior and a prior whose axes are independent Gaussians"
        raise ValueError(f"objective.free={free}: free bits per dimension {need}, such as posterior=diagonal "
                         "prior=standard_normal; or use objective=target_rate")  # fmt: skip
    return inference.log_px_z[0].mean() - torch.clamp(each.mean(0), min=free).sum()
