"""The heads of a model, as builders: what its numbers are the parameters of, apart from the network that gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from models.likelihoods import Bernoulli, Likelihood
from models.posteriors import Diagonal, PosteriorHead
from models.priors import StandardNormal


@dataclass(frozen=True)
class Heads:
    """Builders of q(z|x), p(z) and p(x|z), so that any network goes with any of each."""

    posterior: Callable[[int, int], PosteriorHead] = Diagonal  # of the number of features and of latents
    prior: Callable[[int], nn.Module] = StandardNormal  # of the number of latents
    likelihood: Callable[[tuple[int, ...]], Likelihood] = Bernoulli  # of the shape of an example


DEFAULT = Heads()
