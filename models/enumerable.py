"""Models with few latent states and few values of x, whose rate and distortion are exact sums: nats, no sampling."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NoReturn

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Normal, OneHotCategorical

from models.noise import Noise
from models.types import Count, Positive
from models.vae import VAE, Inference

Form = Literal["table", "quadratic"]


class States(OneHotCategorical):
    """A distribution over S states, logits (..., S); a state is a one-hot vector, event (S,)."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__(logits=logits, validate_args=False)

    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """States by their probabilities, one-hot (K, ..., S); there is no gradient."""
        cumulative = self.probs.detach().cumsum(-1)
        level = noise.uniform((num_samples, *self.batch_shape, 1), cumulative) * cumulative[..., -1:]
        chosen = (cumulative <= level).sum(-1).clamp_max(cumulative.shape[-1] - 1)
        return nn.functional.one_hot(chosen, cumulative.shape[-1]).to(cumulative.dtype)


class Squares(nn.Module):
    """Logits -(w_r c_s - b_r)^2 of rows r and columns s at places c in [-1, 1]: (rows, columns)."""

    place: Tensor

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.w, self.b = nn.Parameter(torch.randn(rows)), nn.Parameter(torch.randn(rows))
        self.register_buffer("place", torch.linspace(-1, 1, columns), persistent=False)

    def forward(self) -> Tensor:
        """The logits, which are normalised by whoever asks."""
        return -((self.w[:, None] * self.place - self.b[:, None]).square())


class Table(nn.Module):
    """Logits of rows and columns, each a parameter of its own."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.randn(rows, columns))

    def forward(self) -> Tensor:
        """(rows, columns)."""
        return self.logits


class Bins(nn.Module):
    """log P(bin | state) of N(m_s, s^2) cut into equal bins of [0, 1], tails in the end bins; nothing is learned."""

    logits: Tensor

    def __init__(self, means: tuple[float, ...], stddev: float, bins: int) -> None:
        super().__init__()
        edges = torch.linspace(0, 1, bins + 1, dtype=torch.float64)[1:-1]
        below = Normal(torch.tensor(means, dtype=torch.float64)[:, None], stddev).cdf(edges)
        sides = torch.zeros_like(below[:, :1]), torch.ones_like(below[:, :1])
        shares = torch.cat([sides[0], below, sides[1]], 1).diff(dim=1)
        self.register_buffer("logits", shares.log().float())

    def forward(self) -> Tensor:
        """(states, bins)."""
        return self.logits


class StateEncoder(nn.Module):
    """x (B, n), one-hot -> e(z|x) over S states, from logits (S, n)."""

    def __init__(self, logits: nn.Module) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: Tensor) -> Distribution:
        """Batch (B,), event (S,)."""
        return States(x @ self.logits().T)


class StateDecoder(nn.Module):
    """z (..., S), one-hot -> d(x|z) over n values, from logits (S, n)."""

    def __init__(self, logits: nn.Module) -> None:
        super().__init__()
        self.logits = logits

    def table(self) -> Tensor:
        """log d(x|z), (S, n)."""
        return self.logits().log_softmax(-1)

    def forward(self, z: Tensor) -> Distribution:
        """Batch (...), event (n,)."""
        return States(z @ self.table())


class StatePrior(nn.Module):
    """m(z) over S states, learned."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(states))

    def forward(self) -> Distribution:
        """Event (S,)."""
        return States(self.logits)


class Expected(Inference):
    """One pass whose sums over states are exact: K = 1, `log_px_z` is E_q log p(x|z), and nothing is drawn.

    Both parts are found once for each value that x can have, and looked up for each of the B examples.
    """

    def __init__(self, model: EnumerableVAE, x: Tensor) -> None:
        self.__dict__.update(model=model, x=x)  # frozen, and what is not asked for is not computed

    @cached_property
    def _of_values(self) -> tuple[Tensor, Tensor]:
        """E_q log p(x|z) and KL(q(z|x) || p(z)) of each value, (n,)."""
        model: EnumerableVAE = self.__dict__["model"]
        log_encoder = model.encoder.logits().T.log_softmax(-1)
        encoder, log_prior = log_encoder.exp(), model.prior.logits.log_softmax(-1)
        expected = (encoder * model.decoder.table().T).sum(-1)
        return expected, (encoder * (log_encoder - log_prior)).sum(-1)

    @cached_property
    def log_px_z(self) -> Tensor:
        """E_q log p(x|z), (1, B)."""
        return (self.x @ self._of_values[0])[None]

    @cached_property
    def kl(self) -> Tensor:
        """(B,), exact."""
        return self.x @ self._of_values[1]

    @property
    def kl_by_draws(self) -> Tensor:
        """The exact one: there are no draws."""
        return self.kl

    @property
    def kl_is_exact(self) -> bool:
        """It is."""
        return True

    @cached_property
    def posterior(self) -> Distribution:
        """q(z|x), batch (B,)."""
        return self.__dict__["model"].encoder(self.x)

    @cached_property
    def z(self) -> Tensor:
        """The probabilities in the place of a draw, (1, B, S)."""
        return self.posterior.mean[None]

    @cached_property
    def likelihood(self) -> Distribution:
        """p(x|z) at those, (1, B): of a state where one is certain."""
        return self.__dict__["model"].decoder(self.z)

    @cached_property
    def prior(self) -> Distribution:
        """m(z)."""
        return self.__dict__["model"].prior()

    @property
    def log_w(self) -> NoReturn:
        """Refused: nothing was drawn that could be weighted."""
        raise ValueError("sums over states are exact, so there are no importance weights; use objective=elbo, "
                         "beta_vae or target_rate")  # fmt: skip


class EnumerableVAE(VAE):
    """A VAE over states: `infer` sums over all of them, so that a training has no noise."""

    encoder: StateEncoder
    decoder: StateDecoder
    prior: StatePrior

    def infer(self, x: Tensor, num_samples: int, noise: Noise) -> Inference:
        """The exact expectations under e(z|x); nothing is drawn, whatever `num_samples` is."""
        return Expected(self, x)

    def expected(self, x: Tensor, posterior: Distribution) -> Inference:
        """The same: posteriors are the encoder's."""
        return Expected(self, x)

    @torch.no_grad()
    def sums(self, x: Tensor) -> dict[str, Tensor]:
        """Of the values of rows x (N, n): `p` (n,), `encoder` e(z|x) and `log_decoder` log d(x|z) (n, S), `prior` m(z)
        (S,), float64."""
        values = torch.eye(x.shape[-1], device=x.device, dtype=x.dtype)
        posterior, prior = self.encoder(values), self.prior()
        parts = {"p": x.double().mean(0), "encoder": posterior.mean, "prior": prior.mean}
        parts["log_decoder"] = self.decoder.table().T
        return {name: part.double().cpu() for name, part in parts.items()}


def enumerable(
    shape: tuple[int, ...],
    mean: Tensor,
    *,
    states: Count = 30,
    form: Form = "quadratic",
    true_means: tuple[float, ...] | None = None,
    true_stddev: Positive = 0.1499911825,
) -> VAE:
    """Encoder e(z|x), decoder d(x|z) and marginal m(z) over S states, for x that are one-hot, shape (n,).

    form: quadratic, e(z_i|x_j) ~ exp(-(w_i x_j - b_i)^2) over i and d(x_j|z_i) likewise over j *(Alemi et al., 2018,
    Appendix E)*; table, a number for each pair. With `true_means` the decoder is given and fixed: a Gaussian of that
    mean for each state, cut into n bins of [0, 1]; then the best encoder and marginal are known by Blahut-Arimoto.
    """
    if len(shape) != 1:
        raise ValueError(f"model=enumerable needs one-hot vectors (n,), this data set has shape {shape} "
                         "(use dataset=alemi_toy)")  # fmt: skip
    made = Squares if form == "quadratic" else Table
    if true_means is not None:
        states = len(true_means)
    decoder = made(states, shape[0]) if true_means is None else Bins(true_means, true_stddev, shape[0])
    return EnumerableVAE(StateEncoder(made(states, shape[0])), StateDecoder(decoder), StatePrior(states))
