"""A prior p(z) = prod_d p(z_d | z_<d) of small mixtures of Gaussians, event (D,), nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.masked import MaskedPerceptron
from models.noise import Noise
from models.sampled import Sampled
from models.types import Count, Positive

MOST = 5.0  # |log stddev| of a component stays below


class AutoregressiveMixture(Sampled):
    """prod_d sum_c w_dc(z_<d) N(z_d; m_dc(z_<d), s_dc(z_<d)^2): one pass for a density, D of them for draws."""

    moment_draws = 4096

    def __init__(self, network: MaskedPerceptron) -> None:
        self.network = network
        super().__init__(torch.Size(), torch.Size((network.num_variables,)), validate_args=False)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """(K, D), one axis after the other; there is a gradient to means and deviations alone."""
        z = self.network.output.bias.new_zeros((num_samples, *self.event_shape))
        u, e = noise.uniform(z.shape, z), noise.normal(z.shape, z)
        for d in range(z.shape[-1]):
            log_weights, loc, stddev = (part[..., d, :] for part in self._components(z))
            below = log_weights.exp().cumsum(-1)
            chosen = (u[:, d, None] > below).sum(-1, keepdim=True).clamp_max(loc.shape[-1] - 1)
            value = loc.gather(-1, chosen) + stddev.gather(-1, chosen) * e[:, d, None]
            z = torch.cat([z[:, :d], value, z[:, d + 1 :]], -1)
        return z

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(z) of z (..., D), (...)."""
        log_weights, loc, stddev = self._components(value)
        square = ((value[..., None] - loc) / stddev).square()
        inside = log_weights - 0.5 * square - stddev.log() - 0.5 * math.log(2 * math.pi)
        return inside.logsumexp(-1).sum(-1)

    def _components(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Log-weights, means and deviations, (..., D, C) each."""
        logits, loc, raw = self.network(z).chunk(3, -1)
        return logits.log_softmax(-1), loc, (MOST * (raw / MOST).tanh()).exp()


class Autoregressive(nn.Module):
    """p(z) = prod_d p(z_d | z_<d), each a mixture of `num_components` Gaussians whose parameters a masked perceptron of
    tanh units gives *(MADE: Germain et al., 2015)*.

    Components start with means that are draws of N(0, spread^2) and unit deviations, close to independent of other
    axes. The log of a deviation stays within +-5. Moments are those of 4,096 draws of fixed noise.
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        num_components: Count = 5,
        hidden: tuple[Count, ...] = (128,),
        spread: Positive = 0.5,
    ) -> None:
        super().__init__()
        self.network = MaskedPerceptron(latent_dim, 3 * num_components, hidden, gain=0.1)
        with torch.no_grad():
            start = self.network.output.bias.view(latent_dim, 3, num_components)
            start[:, 1] = spread * torch.randn(latent_dim, num_components)

    def forward(self) -> Distribution:
        """The prior itself."""
        return AutoregressiveMixture(self.network)
