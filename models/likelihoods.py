"""Likelihood heads: the output (..., outputs, *shape) of a decoder -> p(x|z), batch (...), event (*shape)."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import softplus

from models.distributions import bernoulli, diagonal_normal
from models.noise import Noise
from models.types import Positive, Variance

# what pixels are: 0 or 1, levels in [0, 1], or numbers; or of which levels the last ones are a one-hot label
Values = Literal["binary", "grey", "real", "labelled"]
Measure = Literal["counting", "lebesgue", "pseudo-nats"]


class Likelihood(nn.Module):
    """What a decoder's numbers mean, and what else has to be known of a likelihood."""

    outputs: int = 1  # arrays of the shape of an example that the network gives
    measures: ClassVar[dict[Values, Measure]]  # of a log-density, for each kind of values; others are refused
    draws: ClassVar[bool] = False  # whether a picture stands for p(x|z) that was drawn from it, for its mean is unknown
    extra: int = 0  # numbers that the density of one example holds beside the network's
    in_closed_form: tuple[str, ...] = ()  # parameters that `closed_form` sets

    def forward(self, output: Tensor) -> Distribution:
        """p(x|z) of (..., outputs, *shape)."""
        raise NotImplementedError

    def log_density(self, output: Tensor, x: Tensor) -> Tensor:
        """log p(x|z) of (..., B, outputs, *shape) and x (B, *shape), (..., B) nats, where only values are wanted."""
        return self(output).log_prob(x)

    def closed_form(self, output: Tensor, x: Tensor, rate: float) -> None:
        """Move those parameters to (1 - rate) of what they are and `rate` of what fits x (B, *shape) best."""
        raise NotImplementedError

    def bias(self, mean: Tensor) -> Tensor:
        """The output (outputs, n) that predicts the training mean (n,)."""
        raise NotImplementedError

    def predict(self, distribution: Distribution, noise: Noise | None = None) -> Tensor:
        """The picture (..., *shape) that stands for p(x|z): its mean, whatever the noise."""
        return distribution.mean


class Bernoulli(Likelihood):
    """p(x|z) = prod of Bernoulli(x_i; sigmoid(output_i))."""

    measures: ClassVar[dict[Values, Measure]] = {"binary": "counting", "grey": "pseudo-nats"}

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.event_dims = len(shape)

    def forward(self, output: Tensor) -> Distribution:
        """p(x|z) of logits (..., 1, *shape)."""
        return bernoulli(output.squeeze(-1 - self.event_dims), self.event_dims)

    def log_density(self, output: Tensor, x: Tensor) -> Tensor:
        """sum_i x_i l_i - log(1 + exp(l_i)) of logits l, in half the time of the distribution's own."""
        logits, pixels = output.squeeze(-1 - self.event_dims).flatten(-self.event_dims), x.flatten(-self.event_dims)
        return (logits * pixels).sum(-1) - softplus(logits).sum(-1)

    def bias(self, mean: Tensor) -> Tensor:
        """The logit of the mean, clipped to 0.001..0.999."""
        return torch.logit(mean, eps=1e-3)[None]


class Gaussian(Likelihood):
    """p(x|z) = N(x; output, variance), constants kept.

    variance: a number; learned, one number for all pixels *(Rybkin et al., 2021: sigma-VAE)*; or per_pixel, a second
    output of the network gives its logarithm for every pixel of every z. The standard deviation of one pixel stays
    above `floor`, for on pixels that never change the density has no upper bound. On discrete pixels the density is no
    likelihood of the data, and its numbers are pseudo-nats.
    """

    measures: ClassVar[dict[Values, Measure]] = {
        "real": "lebesgue",
        "binary": "pseudo-nats",
        "grey": "pseudo-nats",
    }

    log_variance: Tensor | None

    def __init__(self, shape: tuple[int, ...], *, variance: Variance = 1.0, floor: Positive = 1e-3) -> None:
        super().__init__()
        self.event_dims, self.lowest = len(shape), 2 * math.log(floor)
        self.outputs = 2 if variance == "per_pixel" else 1
        self.given = None if isinstance(variance, str) else variance
        if variance == "learned":
            self.log_variance, self.in_closed_form = nn.Parameter(torch.zeros(())), ("log_variance",)
        else:
            self.register_buffer("log_variance", None if self.given is None else torch.tensor(math.log(self.given)))

    def forward(self, output: Tensor) -> Distribution:
        """p(x|z) of means, and log-variances where they are per pixel, (..., outputs, *shape)."""
        mean, log_variance = output.select(-1 - self.event_dims, 0), self.log_variance
        if log_variance is None:
            raw = output.select(-1 - self.event_dims, 1)
            log_variance = self.lowest + softplus(raw - self.lowest)
        return diagonal_normal(mean, (0.5 * log_variance).exp().expand_as(mean), self.event_dims)

    @torch.no_grad()
    def closed_form(self, output: Tensor, x: Tensor, rate: float) -> None:
        """Move the learned variance to (1 - rate) s2 + rate mean (x - output)^2, a moving average of its best value
        *(Rybkin et al., 2021: optimal sigma-VAE)*; never below floor^2."""
        assert self.log_variance is not None
        square = (x - output.select(-1 - self.event_dims, 0)).square().mean()
        moved = torch.lerp(self.log_variance.exp(), square, rate)
        self.log_variance.copy_(moved.clamp_min(math.exp(self.lowest)).log())

    def bias(self, mean: Tensor) -> Tensor:
        """The mean itself, and a log-variance of zero."""
        return torch.stack([mean, *(torch.zeros_like(mean) for _ in range(self.outputs - 1))])
