"""Estimates of the aggregate posterior q(z) = E_x q(z|x) from a batch: log-densities (B,), in nats."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from models.distributions import NoDensity

Estimator = Literal["stratified", "weighted"]


class Aggregate(NamedTuple):
    """Log-densities of z_i, one for each example of the batch."""

    log_qz: Tensor  # (B,) of the aggregate posterior
    log_qz_product: Tensor  # (B,) of the product of its marginals


def aggregate(posterior: Distribution, z: Tensor, num_examples: int, estimator: Estimator) -> Aggregate:
    """log q(z_i) and sum_j log q(z_ij) for z (B, D), z_i ~ q(z|x_i), of a data set of N examples *(Chen et al., 2018)*.

    stratified: weight 1/N for the own component, (N - 1) / (N (B - 1)) for every other: unbiased for q(z_i), and exact
    at B = N. weighted: logsumexp_m log q(z_i|x_m) - log(N B), which carries a constant: for gradients, no density.
    Both know z_i's own component, so that what follows from them is to be trained with and not to be reported: 10
    independent axes with posteriors of a fifth of their spread have a total correlation of 8.3 (stratified) and 88
    (weighted) nats from 64 of 5,000 examples, where 0 is true. metrics.information encloses the true one.
    """
    axes = _diagonal_log_density(posterior, z)
    log_weights = _log_weights(len(z), num_examples, estimator, axes)
    joint = torch.logsumexp(axes.sum(-1) + log_weights, dim=1)
    return Aggregate(joint, torch.logsumexp(axes + log_weights[:, :, None], dim=1).sum(-1))


def _diagonal_log_density(posterior: Distribution, z: Tensor) -> Tensor:
    """log q(z_ij | x_m), (B of z, B of x, D), of a diagonal Gaussian posterior."""
    base = posterior.base_dist if isinstance(posterior, Independent) else posterior
    if not isinstance(base, Normal):
        raise NoDensity(f"the aggregate posterior needs a diagonal Gaussian q(z|x), not {type(base).__name__}")
    return base.log_prob(z[:, None, :])


def _log_weights(batch: int, num_examples: int, estimator: Estimator, like: Tensor) -> Tensor:
    """log weight of component m for z_i, (B, B)."""
    if estimator == "weighted":
        return like.new_full((batch, batch), -math.log(num_examples * batch))
    if batch == 1:
        return like.new_zeros((1, 1))  # nothing but its own component is known
    num_examples = max(num_examples, batch)
    others = math.log((num_examples - 1) / (num_examples * (batch - 1)))
    weights = torch.full((batch, batch), others, dtype=like.dtype, device=like.device)  # one for all stacked models
    return weights.fill_diagonal_(-math.log(num_examples))
