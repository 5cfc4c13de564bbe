"""A posterior of affine coupling layers conditioned on features: its density is known anywhere (nats)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.distributions import diagonal_normal
from models.noise import Noise
from models.posteriors import PosteriorHead, Tensors
from models.sampled import Sampled
from models.types import Count, Positive


class Layers(NamedTuple):
    """What the coupling layers of all examples share."""

    kept: Tensor  # (L, D) one where a layer leaves z as it is and looks at it
    inputs: Tensor  # (L, H, D)
    outputs: Tensor  # (L, 2 D, H): log-scales, then shifts
    bias: Tensor  # (L, 2 D)
    most: float  # |log scale| of one layer stays below


class CouplingFlow(Sampled):
    """z = f_L(... f_1(e)), e ~ N(mean, diag exp(log_stddev)^2), batch (...), event (D,).

    f keeps half of the axes and maps the others by z_j exp(s_j) + t_j, where s and t are functions of the kept ones and
    of a context (..., L, H) *(Dinh et al., 2017)*.
    """

    def __init__(self, mean: Tensor, log_stddev: Tensor, context: Tensor, layers: Layers) -> None:
        self.loc, self.log_stddev, self.context, self.layers = mean, log_stddev, context, layers
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """K draws (K, ..., D), with a gradient to all that the distribution is made of."""
        z = torch.addcmul(self.loc, self.log_stddev.exp(), noise.normal((num_samples, *self.loc.shape), self.loc))
        for layer in range(len(self.layers.kept)):
            log_scale, shift = self._map(layer, z)
            z = z * log_scale.exp() + shift
        return z

    def log_prob(self, value: Tensor) -> Tensor:
        """log q(z), by way of the e that z is made of."""
        z, volume = value, torch.zeros((), dtype=value.dtype, device=value.device)
        for layer in reversed(range(len(self.layers.kept))):
            log_scale, shift = self._map(layer, z)
            z, volume = (z - shift) * (-log_scale).exp(), volume + log_scale.sum(-1)
        return diagonal_normal(self.loc, self.log_stddev.exp(), 1).log_prob(z) - volume

    def detached(self) -> CouplingFlow:
        """The same distribution, whose density has no gradient to its parameters."""
        kept, inputs, outputs, bias, most = self.layers
        layers = Layers(kept, inputs.detach(), outputs.detach(), bias.detach(), most)
        return CouplingFlow(self.loc.detach(), self.log_stddev.detach(), self.context.detach(), layers)

    def _map(self, layer: int, z: Tensor) -> tuple[Tensor, Tensor]:
        """Log-scales and shifts (..., D), zero where z is kept; the same before and after the layer."""
        kept, inputs, outputs, bias, most = self.layers
        units = ((z * kept[layer]) @ inputs[layer].mT + self.context[..., layer, :]).tanh()
        raw, shift = ((units @ outputs[layer].mT + bias[layer]) * (1 - kept[layer]).repeat(2)).chunk(2, -1)
        return most * (raw / most).tanh(), shift


class Coupling(PosteriorHead):
    """q(z|x) = a diagonal Gaussian, linear in h, through `num_layers` coupling layers that see h *(Dinh et al., 2017)*.

    Layers keep the even and the odd axes in turn; each has one hidden layer of `hidden` tanh units, and log-scales
    within +-`most_log_scale`. It starts close to the Gaussian. With D = 1 there is nothing to couple, and it is the
    Gaussian. Moments are those of 256 draws of fixed noise.
    """

    kept: Tensor

    def __init__(
        self,
        num_features: int,
        latent_dim: int,
        *,
        num_layers: Count = 4,
        hidden: Count = 64,
        most_log_scale: Positive = 2.0,
    ) -> None:
        super().__init__()
        self.mean = nn.Linear(num_features, latent_dim)
        self.log_stddev = nn.Linear(num_features, latent_dim)
        self.most, self.shape = most_log_scale, (num_layers, hidden)
        self.context = None if latent_dim == 1 else nn.Linear(num_features, num_layers * hidden)
        if latent_dim > 1:
            kept = (torch.arange(latent_dim)[None] + torch.arange(num_layers)[:, None]) % 2
            self.register_buffer("kept", kept.float(), persistent=False)
            self.inputs = nn.Parameter(_uniform(num_layers, hidden, latent_dim))
            self.outputs = nn.Parameter(0.01 * _uniform(num_layers, 2 * latent_dim, hidden))
            self.bias = nn.Parameter(torch.zeros(num_layers, 2 * latent_dim))

    def forward(self, h: Tensor) -> Tensors:
        """mean and log_stddev (B, D) of the Gaussian, context (B, L, H) of the layers."""
        tensors = {"mean": self.mean(h), "log_stddev": self.log_stddev(h)}
        context = {} if self.context is None else {"context": self.context(h).unflatten(-1, self.shape)}
        return tensors | context

    def distribution(self, tensors: Tensors) -> Distribution:
        """The Gaussian through the layers."""
        mean, log_stddev = tensors["mean"], tensors["log_stddev"]
        if self.context is None:
            return diagonal_normal(mean, log_stddev.exp(), 1)
        layers = Layers(self.kept, self.inputs, self.outputs, self.bias, self.most)
        return CouplingFlow(mean, log_stddev, tensors["context"], layers)


def _uniform(*shape: int) -> Tensor:
    """Weights (L, outputs, inputs) in +-sqrt(6 / (inputs + outputs)) *(Glorot and Bengio, 2010)*."""
    bound = math.sqrt(6 / (shape[-1] + shape[-2]))
    return torch.empty(shape).uniform_(-bound, bound)
