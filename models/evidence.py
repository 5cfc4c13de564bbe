"""Estimators of rate, distortion and log p(x) for each of B examples, in nats, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.distributions import has_density
from models.noise import Noise
from models.precision import Precision
from models.sampling import draw
from models.vae import VAE, Inference

DRAWN = 2**22  # decoded numbers whose codes are drawn at a time: the numbers of a stream depend on it, no memory does


class RateDistortion(NamedTuple):
    """Per-example estimates, (B,) nats each."""

    rate: Tensor | None  # None where q(z|x) has no density
    distortion: Tensor
    closed_form: bool = True  # whether the rate is no Monte Carlo estimate
    enumerated: bool = False  # both are exact sums over all of z


class Evidence(NamedTuple):
    """Per-example importance-sampling estimates."""

    log_evidence: Tensor  # (B,) L_K in nats, a stochastic lower bound of log p(x)
    effective_sample_size: Tensor  # (B,) (sum w)^2 / sum w^2, from 1 (useless) to K (q is the posterior)
    log_w: Tensor  # (K, B) that both were computed from


class Weighted(NamedTuple):
    """K codes of each of B examples with their importance weights."""

    z: Tensor  # (K, B, D)
    log_w: Tensor  # (K, B) nats
    log_px_z: Tensor  # (K, B) nats


@torch.no_grad()
def rates_and_distortions(
    model: VAE,
    x: Tensor,
    *,
    num_samples: int,
    noise: Noise,
    posterior: Distribution | None = None,
    precision: Precision = "fp32",
) -> RateDistortion:
    """R = E_q[log q(z|x) - log p(z)], D = -E_q log p(x|z) *(Alemi et al., 2018)*, for each x (B, *shape).

    The rate is the closed-form KL where there is one; the rest are means of `num_samples` draws, of one draw where all
    are the same. Where `posterior` is given, x was encoded already and is not encoded again. `precision` is that of the
    decoder's network; all sums and weights are float32 or float64.
    """
    posterior = model.encoder(x) if posterior is None else posterior
    if (known := model.expected(x, posterior)) is not None:
        return RateDistortion(known.kl.double(), -known.log_px_z.double()[0], enumerated=True)
    if not has_density(posterior):
        [(_, inference)] = _chunks(model, x, 1, noise, posterior, precision)
        return RateDistortion(None, -inference.log_px_z.double()[0])
    rate = distortion = torch.zeros((), dtype=torch.float64, device=x.device)
    exact = True
    for chunk, inference in _chunks(model, x, num_samples, noise, posterior, precision):
        rate = rate + chunk * inference.kl.double()
        distortion = distortion - chunk * inference.log_px_z.double().mean(0)
        exact = exact and inference.kl_is_exact
    return RateDistortion(rate / num_samples, distortion / num_samples, exact)


@torch.no_grad()
def importance_evidence(
    model: VAE,
    x: Tensor,
    *,
    num_samples: int,
    noise: Noise,
    posterior: Distribution | None = None,
    precision: Precision = "fp32",
) -> Evidence:
    """L_K(x) = log 1/K sum_i p(x, z_i) / q(z_i|x) *(Burda et al., 2016, Eq. 8)*, K = `num_samples`.

    Each x (B, *shape) is encoded once, or not at all where its `posterior` is given; samples are decoded in chunks and
    summed as they come, decoded in `precision`.
    """
    first = torch.full((len(x),), -math.inf, dtype=torch.float64, device=x.device)
    second, parts = first.clone(), []
    for _, inference in _chunks(model, x, num_samples, noise, posterior, precision):
        log_w = inference.log_w.double()
        first = torch.logaddexp(first, log_w.logsumexp(0))
        second = torch.logaddexp(second, (2 * log_w).logsumexp(0))
        parts.append(log_w)
    return Evidence(first - math.log(num_samples), (2 * first - second).exp(), torch.cat(parts))


def counts_up_to(most: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, ... and `most` itself."""
    found = (digit * 10**power for power in range(len(str(most))) for digit in (1, 2, 5))
    return [*(count for count in found if count < most), most]


def bounds(log_w: Tensor, counts: Sequence[int]) -> Tensor:
    """L_K of each example for several K of the same S importance weights (S, B): (len(counts), B) nats.

    Each is the mean of log 1/K sum w over the S // K disjoint blocks of K weights *(Burda et al., 2016)*: as unbiased
    for E L_K as K weights alone, and less variable. In expectation it rises with K.
    """
    found = []
    for count in counts:
        blocks = log_w[: len(log_w) // count * count].unflatten(0, (-1, count))
        found.append(blocks.logsumexp(1).mean(0) - math.log(count))
    return torch.stack(found)


@torch.no_grad()
def weighted(
    model: VAE,
    x: Tensor,
    *,
    num_samples: int,
    noise: Noise,
    posterior: Distribution | None = None,
    precision: Precision = "fp32",
) -> Weighted:
    """K draws of q(z|x) for each x (B, *shape) with their weights, decoded in chunks."""
    chunks = [inference for _, inference in _chunks(model, x, num_samples, noise, posterior, precision)]
    parts = ([one.z for one in chunks], [one.log_w for one in chunks], [one.log_px_z for one in chunks])
    return Weighted(*map(torch.cat, parts))


@torch.no_grad()
def resample(z: Tensor, log_w: Tensor, noise: Noise) -> Tensor:
    """One of each example's K codes (K, B, D) with probability w_i / sum w, (B, D): a draw of q_EW *(Cremer et al.,
    2017)*."""
    below = torch.softmax(log_w.double(), dim=0).cumsum(0)
    level = noise.uniform(below.shape[1:], below) * below[-1]
    chosen = (below <= level).sum(0).clamp_max(len(below) - 1)
    return z[chosen, torch.arange(len(chosen), device=chosen.device)]


def _chunks(
    model: VAE, x: Tensor, num_samples: int, noise: Noise, posterior: Distribution | None, precision: Precision
) -> Iterator[tuple[int, Inference]]:
    """Inferences that together hold K samples of every example, drawn in portions."""
    posterior = model.encoder(x) if posterior is None else posterior
    largest = max(1, DRAWN // (len(x) * model.numbers_decoded(x)))
    for start in range(0, num_samples, largest):
        size = min(largest, num_samples - start)
        yield size, model.weigh(x, draw(posterior, size, noise), posterior, precision)
