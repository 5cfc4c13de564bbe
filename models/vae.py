"""The variational autoencoder: three modules that return distributions, and one pass of inference through them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.decoding import Streamed, multiplications, rows_of
from models.divergences import closed_form_kl, kl_per_dimension
from models.examples import Examples
from models.likelihoods import Likelihood
from models.noise import NOTHING, Noise
from models.posteriors import Encoder
from models.precision import Precision, through
from models.quick import quickened
from models.sampling import draw


@dataclass(frozen=True)
class Batch:
    """What an objective sees of the data."""

    x: Tensor  # (B, *shape)
    step: int | Tensor = 0  # optimisation step, from 0; a tensor while a GPU records one that stands for all
    num_examples: int = 1  # N, size of the training set, for aggregate-posterior estimates
    noise: Noise = NOTHING  # all randomness of the objective; unless given, there is none to ask for
    total_steps: int = 1  # of the training, for warm-ups and capacity schedules

    @property
    def progress(self) -> float | Tensor:
        """The fraction of the training that is done, from 0 to 1."""
        return self.step / self.total_steps


@dataclass(frozen=True)
class Inference:
    """One pass: K samples for each of B examples, and their log-densities in nats, each (K, B)."""

    x: Tensor  # (B, *shape)
    z: Tensor  # (K, B, D)
    posterior: Distribution  # q(z|x), batch (B,), event (D,)
    likelihood: Distribution  # p(x|z), batch (K, B), event (*shape)
    prior: Distribution  # p(z), event (D,)

    @cached_property
    def log_px_z(self) -> Tensor:
        """log p(x|z), (K, B)."""
        return self.likelihood.log_prob(self.x)

    @cached_property
    def log_pz(self) -> Tensor:
        """log p(z), (K, B)."""
        return self.prior.log_prob(self.z)

    @cached_property
    def log_qz_x(self) -> Tensor:
        """log q(z|x), (K, B)."""
        return self.posterior.log_prob(self.z)

    @cached_property
    def log_w(self) -> Tensor:
        """log p(x, z) - log q(z|x), (K, B)."""
        return self.log_px_z + self.log_pz - self.log_qz_x

    @cached_property
    def kl(self) -> Tensor:
        """KL(q(z|x) || p(z)), (B,): in closed form, or the mean of log q(z|x) - log p(z) over the K draws where none is
        known; NoDensity where there is no such thing."""
        return self.kl_by_draws if self._closed_form is None else self._closed_form

    @property
    def kl_by_draws(self) -> Tensor:
        """The Monte Carlo estimate of KL(q(z|x) || p(z)), (B,)."""
        return (self.log_qz_x - self.log_pz).mean(0)

    @property
    def kl_is_exact(self) -> bool:
        """Whether `kl` is in closed form."""
        return self._closed_form is not None

    @property
    def kl_per_dimension(self) -> Tensor | None:
        """KL(q(z_d|x) || p(z_d)), (B, D), where posterior and prior factorise, else None."""
        return kl_per_dimension(self.posterior, self.prior)

    @cached_property
    def _closed_form(self) -> Tensor | None:
        return closed_form_kl(self.posterior, self.prior)


class Decoder(nn.Module):
    """z (..., D) -> p(x|z): a network that gives an array (..., outputs * prod(shape)), and a likelihood head."""

    def __init__(self, network: nn.Module, shape: tuple[int, ...], likelihood: Likelihood) -> None:
        super().__init__()
        self.network = network
        self.shape = shape
        self.likelihood = likelihood

    def forward(self, z: Tensor) -> Distribution:
        """p(x|z), batch (...), event (*shape)."""
        return self.likelihood(self.output(z))

    def log_px_z(self, x: Tensor, z: Tensor) -> Tensor:
        """log p(x|z) of x (B, *shape) and z (K, B, D), (K, B) nats, by the way that is quickest where only values are
        wanted."""
        return self.likelihood.log_density(self.output(z), x)

    def output(self, z: Tensor) -> Tensor:
        """What the head is given, (..., outputs, *shape)."""
        return through(self.network, z).reshape(*z.shape[:-1], self.likelihood.outputs, *self.shape)

    @property
    def numbers(self) -> int:
        """How many numbers describe one decoded example, its density's own among them: what it costs in memory."""
        return self.likelihood.outputs * math.prod(self.shape) + self.likelihood.extra

    def predict(self, z: Tensor, noise: Noise | None = None) -> Tensor:
        """The pictures (..., *shape) that stand for p(x|z); those that are draws by `noise`, or always the same."""
        drawn = {"noise": noise} if self.likelihood.draws else {}
        return self.likelihood.predict(self(z), **drawn)


class VAE(nn.Module):
    """encoder(x) -> q(z|x), decoder(z) -> p(x|z), prior() -> p(z) *(Kingma and Welling, 2014)*."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, prior: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.prior = prior

    def attach(self, examples: Examples) -> None:
        """Let the parts know each other: a prior that has `attach` gets the encoder and a way to training examples.

        To be called once, before an optimiser is made. ValueError where a prior cannot be made of these, or a posterior
        is not what it says with this prior.
        """
        prior: Any = self.prior
        if hasattr(prior, "attach"):
            prior.attach(self.encoder, examples)
        if isinstance(self.encoder, Encoder):
            self.encoder.head.refuse(prior)

    def infer(self, x: Tensor, num_samples: int, noise: Noise) -> Inference:
        """Encode x (B, *shape) once, draw K codes for each example, decode them all."""
        posterior = self.encoder(x)
        return self.decode(x, draw(posterior, num_samples, noise), posterior)

    def decode(self, x: Tensor, z: Tensor, posterior: Distribution) -> Inference:
        """The inference of given codes z (K, B, D); nothing is encoded again."""
        return Inference(x, z, posterior, self.decoder(z), self.prior())

    def weigh(self, x: Tensor, z: Tensor, posterior: Distribution, precision: Precision = "fp32") -> Inference:
        """The inference of given codes z (K, B, D) for the values of its log-densities: decoded in pieces as they are
        asked for, without a gradient, and rounded otherwise than `decode` in the last digits."""
        likelihood = Streamed(partial(log_px_z, quickened(self.decoder)), z, self.rows, precision)
        return Inference(x, z, posterior, likelihood, self.prior())

    def expected(self, x: Tensor, posterior: Distribution) -> Inference | None:
        """The inference whose K = 1 values are exact expectations under the posterior, of models that can sum over all
        of z; None of others."""
        return None

    @cached_property
    def multiplications(self) -> int:
        """What decoding one code costs."""
        return multiplications(self.decoder, self._code)

    @cached_property
    def rows(self) -> int:
        """How many codes are decoded at a time for their values."""
        return rows_of(self.decoder, self._code)

    @property
    def _code(self) -> Tensor:
        prior, weight = self.prior(), next(self.parameters(), None)
        return (prior.mean if weight is None else weight).new_zeros(prior.event_shape)

    def predict(self, z: Tensor, noise: Noise | None = None) -> Tensor:
        """The pictures that stand for p(x|z) of z (..., D), (..., *shape): means, or where none is known one draw each,
        by `noise` or else from a stream that is always the same."""
        return self.decoder.predict(z, noise) if isinstance(self.decoder, Decoder) else self.decoder(z).mean

    @property
    def predicts_draws(self) -> bool:
        """Whether those pictures are draws."""
        return isinstance(self.decoder, Decoder) and self.decoder.likelihood.draws

    def numbers_decoded(self, x: Tensor) -> int:
        """How many numbers one decoded example takes, of examples like x (B, *shape)."""
        return self.decoder.numbers if isinstance(self.decoder, Decoder) else x[0].numel()

    def sample(self, num_examples: int, noise: Noise) -> Tensor:
        """Pictures for codes from the prior, (n, *shape)."""
        with torch.no_grad():
            return self.predict(draw(self.prior(), num_examples, noise), noise)


def log_px_z(decoder: nn.Module, x: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) of x (B, *shape) and z (K, B, D), (K, B) nats: by a head's quickest way, else by the distribution."""
    return decoder.log_px_z(x, z) if isinstance(decoder, Decoder) else decoder(z).log_prob(x)
