"""Priors made of the encoder: a mixture of the posteriors of pseudo-inputs, event (D,), nats."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.distributions import has_density, is_diagonal_normal
from models.examples import Examples
from models.noise import Noise
from models.sampling import draw
from models.types import Count

HELD = 2**22  # numbers of a table of densities, of so many points and components, at a time
EDGE = 0.05  # how far from 0 and 1 learned pseudo-inputs start
UNKNOWN = 100  # pseudo-inputs where all training rows are asked for, and no training set is known


class PosteriorMixture(Distribution):
    """1/C sum_c q_c(z) of posteriors q_c, batch (C,); `of` gives those of some numbers (n,), batch (n,)."""

    has_rsample = True

    def __init__(self, components: Distribution, of: Callable[[Tensor], Distribution], like: Tensor) -> None:
        self.components, self.of, self.like = components, of, like
        self.number = components.batch_shape[0]
        super().__init__(torch.Size(), components.event_shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(z) of z (..., D), (...): tables of all points and components are never held whole."""
        diagonal = is_diagonal_normal(self.components)
        size = self.number * (1 if diagonal else value.shape[-1])
        parts = value.reshape(-1, value.shape[-1]).split(max(1, HELD // size))
        of = self._diagonal if diagonal else self._any
        found = torch.cat([log_sum(of(part).to(part.dtype)) for part in parts]) - math.log(self.number)
        return found.reshape(value.shape[:-1])

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """A component, then a draw of it, (K, D); there is a gradient to the components."""
        chosen = (noise.uniform((num_samples,), self.like) * self.number).long().clamp_max(self.number - 1)
        return draw(self.of(chosen), 1, noise)[0]

    @property
    def mean(self) -> Tensor:
        """(D,), of the means of the components."""
        return self.components.mean.mean(0)

    @property
    def variance(self) -> Tensor:
        """(D,), of the means and variances of the components."""
        return self.components.variance.mean(0) + self.components.mean.var(0, correction=0)

    def _diagonal(self, z: Tensor) -> Tensor:
        return diagonal_table(z, self.components.mean, self.components.stddev)

    def _any(self, z: Tensor) -> Tensor:
        return self.components.log_prob(z[:, None])


def diagonal_table(z: Tensor, mean: Tensor, stddev: Tensor) -> Tensor:
    """log N(z_n; m_c, diag s_c^2) of z (n, D), m and s (C, D): (n, C) nats as products of matrices, float64.

    |z/s|^2 - 2 z.m/s^2 + |m/s|^2 is a small difference of large numbers where s is small: in float64 what is lost of it
    is about 1e-16 |z/s|^2, which in float32 would be nats. Its 1/s^2 are those of the dtype that is given, alike in all
    three: another s by the last digit.
    """
    precision, points, at = stddev.reciprocal().square().double(), z.double(), mean.double()
    weighted = at * precision
    constant = 0.5 * z.shape[-1] * math.log(2 * math.pi) + stddev.log().sum(-1).double() + 0.5 * (at * weighted).sum(-1)
    both = torch.cat([points, points.square()], -1) @ torch.cat([weighted, -0.5 * precision], -1).mT
    return both - constant


def log_sum(table: Tensor) -> Tensor:
    """logsumexp over the last axis of finite numbers, (...): shares below e^-40 of the largest are taken for that.

    They are beyond the last digit of a sum, and have no gradient; as denormal numbers they would take most of the time.
    """
    most = table.detach().amax(-1, keepdim=True)
    return (table - most).clamp_min(-40).exp().sum(-1).log() + most[..., 0]


class Vamp(nn.Module):
    """p(z) = 1/C sum_c q(z|u_c) of C pseudo-inputs u *(VampPrior: Tomczak and Welling, 2018, Eq. 9)*.

    The u start as training rows, chosen and binarised by streams of the run's seed. They are learned: through a
    logistic function where values are in [0, 1], so that they stay there (rows are clipped to 0.05..0.95 to start
    with), else as they are. `learned: false` keeps the rows: p(z) is then the aggregate posterior of these, and with
    `num_components: null` that of the whole training set, exactly.

    The encoder is the model's own, and so are its weights: `attach` says which, once the model is there.
    """

    inputs: Tensor

    def __init__(self, latent_dim: int, *, num_components: Count | None = 500, learned: bool = True) -> None:
        super().__init__()
        self.latent_dim, self.num_components, self.learned = latent_dim, num_components, learned
        self.bounded = True
        self._encoder: list[nn.Module] = []  # in a list, for it is no part of the prior: weights are owned once

    def attach(self, encoder: nn.Module, examples: Examples) -> None:
        """Take the encoder that q(z|u) is of, and pseudo-inputs of its examples; ValueError where it cannot be."""
        number = examples.number
        count = self.num_components or number or UNKNOWN
        if number is not None and count > number:
            what = (
                f"prior.num_components={count}: more pseudo-inputs than the {number} training examples that they are of"
            )
            raise ValueError(f"{what}; take fewer, or null for all")
        chosen = torch.arange(count) if self.num_components is None else torch.randperm(number or count)[:count]
        inputs = examples.rows(chosen).to("cpu")
        with torch.no_grad():
            if not has_density(encoder(inputs[:1])):
                why = "is a mixture of posteriors, and a point posterior has no density"
                raise ValueError(f"prior: a VampPrior {why}; choose another prior or posterior")
        self._encoder, self.bounded = [encoder], examples.bounded
        if self.learned:
            self.inputs = nn.Parameter(inputs.clamp(EDGE, 1 - EDGE).logit() if self.bounded else inputs)
        else:
            self.register_buffer("inputs", inputs)

    def pseudo_inputs(self) -> Tensor:
        """The u, (C, *shape)."""
        return self.inputs.sigmoid() if self.learned and self.bounded else self.inputs

    def forward(self) -> Distribution:
        """The prior itself."""
        if not self._encoder:
            raise ValueError("a VampPrior is made of an encoder: call attach of the VAE, with training examples, first")
        encoder, inputs = self._encoder[0], self.pseudo_inputs()
        return PosteriorMixture(encoder(inputs), lambda chosen: encoder(inputs[chosen]), inputs)
