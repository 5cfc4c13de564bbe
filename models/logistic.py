"""A discretised logistic mixture p(x|z) of 8-bit grey values, the levels 0, 1/255, ..., 1."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import logsigmoid, softplus

from models.likelihoods import Likelihood, Measure, Values
from models.noise import Noise
from models.types import Count, Positive

WIDTH = 1 / 255  # of the bin of a level
SERIES = 1e-3  # below this, log(1 - exp(-d)) is log(d) - d / 2 + d^2 / 24 to 1e-15
START = 0.1  # the scale of every component where the output is `bias`


class LogisticMixture(Likelihood):
    """p(x|z) = prod_i sum_c w_ic [F((x_i + 1/510 - m_ic) / s_ic) - F((x_i - 1/510 - m_ic) / s_ic)], F the logistic
    function; what is below the lowest and above the highest level is theirs *(Salimans et al., 2017: PixelCNN++,
    equation 2, here without dependence between pixels)*.

    The decoder gives C logits of w, C means m and C logarithms of s, for values in [0, 1]; s stays above `floor`.
    """

    measures: ClassVar[dict[Values, Measure]] = {"grey": "counting"}

    def __init__(self, shape: tuple[int, ...], *, num_components: Count = 5, floor: Positive = 5e-4) -> None:
        super().__init__()
        self.event_dims, self.lowest = len(shape), math.log(floor)
        self.outputs = 3 * num_components
        self.extra = 2 * num_components * torch.Size(shape).numel()  # both ends of the bin of a pixel

    def forward(self, output: Tensor) -> Distribution:
        """p(x|z) of logits, means and log-scales (..., 3 C, *shape)."""
        logits, mean, raw = output.chunk(3, -1 - self.event_dims)
        return DiscretisedLogistics(logits, mean, self.lowest + softplus(raw - self.lowest), self.event_dims)

    def bias(self, mean: Tensor) -> Tensor:
        """Components that are alike, of scale 0.1 or twice the floor, which predict that mean, clipped to 0.001..0.999.

        The mean of a logistic draw that is clipped to [0, 1] is mu = s log((1 + e^(m/s)) / (1 + e^((m-1)/s))), so that
        e^(m/s) = (e^(mu/s) - 1) / (1 - e^((mu-1)/s)); that of its level is within 2e-6 of it.
        """
        scale = max(START, 2 * math.exp(self.lowest))
        mu = mean.clamp(1e-3, 1 - 1e-3) / scale
        m = scale * (mu.expm1().log() - (-(mu - 1 / scale).expm1()).log())
        above = torch.full_like(m, math.log(scale) - self.lowest)
        raw = self.lowest + above.expm1().log()
        return torch.stack([torch.zeros_like(m), m, raw]).repeat_interleave(self.outputs // 3, 0)


class DiscretisedLogistics(Distribution):
    """Of logits, means and log-scales (..., C, *shape): batch (...), event (*shape)."""

    def __init__(self, logits: Tensor, loc: Tensor, log_scale: Tensor, event_dims: int) -> None:
        self.components = -1 - event_dims  # the dimension that they are along
        self.log_weights = logits.log_softmax(self.components)
        self.loc, self.log_scale = loc, log_scale
        super().__init__(loc.shape[: self.components], loc.shape[-event_dims:], validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """sum_i log sum_c w_ic (mass of the bin of x_i), nats, of levels (..., *shape) in [0, 1]."""
        masses = log_mass(value.unsqueeze(self.components), self.loc, self.log_scale)
        return (self.log_weights + masses).logsumexp(self.components).sum(tuple(range(1 + self.components, 0)))

    @property
    def mean(self) -> Tensor:
        """sum_k k P(x = k / 255) / 255 = sum_(k >= 1) P(x >= k / 255) / 255, exactly, one level after the other."""
        weights, inverse = self.log_weights.exp(), (-self.log_scale).exp()
        total = torch.zeros_like(self.loc)
        for k in range(1, 256):
            total += ((self.loc - (k - 0.5) * WIDTH) * inverse).sigmoid()
        return (weights * total).sum(self.components) * WIDTH

    @torch.no_grad()
    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """A component by its weight, a point of it, and the level that is nearest, (K, ..., *shape)."""
        shape = (num_samples, *self.batch_shape, *self.event_shape)
        u, v = (noise.uniform(shape, self.loc) for _ in range(2))
        below = self.log_weights.exp().cumsum(self.components) < u.unsqueeze(self.components)
        last = self.loc.shape[self.components] - 1
        chosen = below.sum(self.components, keepdim=True).clamp_max(last)
        loc, log_scale = (
            one.expand(num_samples, *one.shape).gather(self.components, chosen).squeeze(self.components)
            for one in (self.loc, self.log_scale)
        )
        return ((loc + log_scale.exp() * v.logit()) / WIDTH).round().clamp(0, 255) * WIDTH


def log_mass(x: Tensor, loc: Tensor, log_scale: Tensor) -> Tensor:
    """log [F(b) - F(a)] of the ends a < b of the bin of levels x in units of a logistic's scale; F(a) = 0 for the
    lowest level, F(b) = 1 for the highest.

    As log F(b) + log F(-a) + log(1 - e^(a-b)), which is the same and exact however small the mass is.
    """
    inverse = (-log_scale).exp()
    upper, lower = (x + 0.5 * WIDTH - loc) * inverse, (x - 0.5 * WIDTH - loc) * inverse
    bottom, top = x < 0.5 * WIDTH, x > 1 - 0.5 * WIDTH
    between = log_one_minus_exp(math.log(WIDTH) - log_scale)
    ends = logsigmoid(upper).masked_fill(top, 0.0) + logsigmoid(-lower).masked_fill(bottom, 0.0)
    return ends + between.masked_fill(bottom | top, 0.0)


def log_one_minus_exp(log_d: Tensor) -> Tensor:
    """log(1 - e^(-d)) of log d, also where d is too small for a float."""
    d = log_d.exp()
    return torch.where(d < SERIES, log_d - 0.5 * d + d * d / 24, (-(-d.clamp_min(SERIES)).expm1()).log())
