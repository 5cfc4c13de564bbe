"""Closed forms that stand beside the estimates: linear-Gaussian models, in nats (float64 numpy)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ACTIVE = 0.01  # Burda et al. (2016): a unit is active iff Var_x E[z|x] > 0.01


class LinearOptimum(NamedTuple):
    """The best linear beta-VAE of Gaussian data."""

    rate: float
    distortion: float
    active_units: int
    sigma2: float  # the decoder's variance: given, or the learned optimum


def linear_beta_vae(
    eigenvalues: Sequence[float], latent_dim: int, beta: float, sigma2: float | None = None
) -> LinearOptimum:
    """Optimum of D + beta R for data of covariance eigenvalues l: reverse water-filling at theta = beta sigma2.

    R = 1/2 sum_active log(l / theta), D = n/2 log(2 pi s2) + (n_active theta + sum_inactive l) / (2 s2), where the
    active directions are those of the `latent_dim` largest with l > theta *(Tipping and Bishop, 1999, for beta = 1;
    Lucas et al., 2019)*. `sigma2=None` means learned: s2 = sum_inactive l / (n - beta n_active), ValueError where
    that has no optimum. `active_units` counts those with Var_x E[z|x] = 1 - theta / l above 0.01.
    """
    spectrum = np.sort(np.asarray(eigenvalues, dtype=np.float64))[::-1]
    s2 = _learned_variance(spectrum, latent_dim, beta) if sigma2 is None else sigma2
    theta = beta * s2
    head = spectrum[:latent_dim]
    active = head[head > theta]
    inactive = spectrum.sum() - active.sum()
    rate = 0.5 * float(np.log(active / theta).sum()) if len(active) else 0.0
    distortion = 0.5 * len(spectrum) * math.log(2 * math.pi * s2) + (len(active) * theta + inactive) / (2 * s2)
    return LinearOptimum(rate, float(distortion), int((1 - theta / head > ACTIVE).sum()), float(s2))


def linear_log_evidence(
    x: NDArray[np.float64], weight: NDArray[np.float64], bias: NDArray[np.float64], sigma2: float
) -> NDArray[np.float64]:
    """log p(x) = log N(x; b, W W^T + s2 I) of p(z) = N(0, I), p(x|z) = N(W z + b, s2 I); x (N, n), W (n, D) -> (N,)."""
    covariance = weight @ weight.T + sigma2 * np.eye(len(weight))
    centred = x - bias
    _, log_det = np.linalg.slogdet(2 * math.pi * covariance)
    return -0.5 * (log_det + np.einsum("ni,ni->n", centred, np.linalg.solve(covariance, centred.T).T))


def _learned_variance(spectrum: NDArray[np.float64], latent_dim: int, beta: float) -> float:
    """The self-consistent s2 with the most active directions: those that reverse water-filling picks at that s2."""
    n = len(spectrum)
    for active in range(min(latent_dim, n), -1, -1):
        if beta * active >= n or active == n:
            continue
        s2 = float(spectrum[active:].sum() / (n - beta * active))
        kept = spectrum[:active] > beta * s2
        left = spectrum[active:latent_dim] <= beta * s2
        if kept.all() and left.all():
            return s2
    raise ValueError(f"no optimum with a learned variance: beta={beta}, {n} eigenvalues, latent_dim={latent_dim}")
