"""Which models and objectives the closed forms of a linear-Gaussian model speak of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.distributions import is_standard_normal
from models.likelihoods import Gaussian
from models.objectives import beta_vae, elbo
from models.vae import VAE, Decoder


class LinearGaussian(NamedTuple):
    """p(z) = N(0, I), p(x|z) = N(W z + b, sigma2 I)."""

    weight: NDArray[np.float64]  # (n, D)
    bias: NDArray[np.float64]  # (n,)
    sigma2: float
    given: float | None  # the variance as it was given; None where it is learned


@torch.no_grad()
def as_linear_gaussian(model: VAE) -> LinearGaussian | None:
    """The numbers of a linear-Gaussian model; None for any other."""
    decoder, network = model.decoder, getattr(model.decoder, "network", None)
    if not (isinstance(decoder, Decoder) and isinstance(network, nn.Linear) and is_standard_normal(model.prior())):
        return None
    likelihood = decoder.likelihood
    if not isinstance(likelihood, Gaussian) or likelihood.log_variance is None:
        return None
    weight, bias = (value.detach().double().cpu().numpy() for value in (network.weight, network.bias))
    return LinearGaussian(weight, bias, float(np.exp(likelihood.log_variance.item())), likelihood.given)


def beta_of(objective: Callable[..., Any]) -> float | None:
    """The beta of an objective whose optimum over linear-Gaussian models is known; None for any other."""
    while isinstance(objective, functools.partial):
        options = dict(objective.keywords)
        if objective.func is beta_vae:
            return float(options.get("beta", 4.0))
        if objective.func is elbo:
            return 1.0
        objective = objective.func
    return None
