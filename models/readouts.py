"""Readouts: which posterior of B examples the codes (B, D) are read from once a model is trained, in nats and codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.distributions import has_density
from models.evidence import resample, weighted
from models.noise import Noise
from models.posteriors import Encoder
from models.sampling import draw
from models.types import Count, Positive
from models.vae import VAE, Inference


@dataclass(frozen=True)
class Reading:
    """What a readout makes of B examples."""

    views: Mapping[str, Tensor]  # name -> (B, D): first a point code, then one draw
    stddev: Tensor | None = None  # (B, D) of the distribution that was read
    posterior: Distribution | None = None  # itself, where its density is known
    distortion: Tensor | None = None  # (B,) -E log p(x|z) in nats, where no density but this is known
    no_density: str = ""  # why there is no `posterior`
    estimated: bool = False  # the point code is an average of draws, and varies by their chance


def amortised(model: VAE, x: Tensor, posterior: Distribution, noise: Noise) -> Reading:
    """q(z|x) as the encoder gives it: its mean, and one draw; of a point posterior the point alone."""
    if not has_density(posterior):
        return Reading({"mean": posterior.mean}, posterior=posterior)
    views = {"mean": posterior.mean, "sample": draw(posterior, 1, noise)[0]}
    return Reading(views, posterior.stddev, posterior)


def resampled(
    model: VAE,
    x: Tensor,
    posterior: Distribution,
    noise: Noise,
    *,
    num_samples: Count = 20,
    num_sets: Count = 5,
) -> Reading:
    """q_EW^(K), the posterior that IWAE's bound is the ELBO of *(Bachman and Precup, 2015; Cremer et al., 2017)*.

    A draw of it is one of K = `num_samples` draws of q(z|x), taken with probability w_i / sum w. `q_ew_mean` is
    E_sets sum_i w_i z_i / sum w over `num_sets` sets of K, and carries their chance; `q_ew_sample` is one draw. With
    K = 1 it is q; as K grows it tends to the posterior p(z|x) of decoder and prior. Its density is an integral over
    K - 1 draws, so that it has no rate; L_K[q] <= ELBO[q_EW] <= log p(x). Costs K x num_sets decoded codes an example.
    """
    of_set = partial(weighted, model, x, num_samples=num_samples, noise=noise, posterior=posterior)
    first = of_set()
    sample = resample(first.z, first.log_w, noise)
    sets = [_moments(*first), *(_moments(*of_set()) for _ in range(num_sets - 1))]
    mean, square, distortion = (torch.stack(parts).mean(0) for parts in zip(*sets, strict=True))
    note = f"q_EW(z|x) has no density in closed form; its ELBO is at least iwae_{num_samples}, at most log p(x)"
    stddev = (square - mean**2).clamp_min(0).sqrt()
    return Reading({"q_ew_mean": mean, "q_ew_sample": sample}, stddev, None, distortion, note, estimated=True)


def _moments(z: Tensor, log_w: Tensor, log_px_z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """E z and E z^2 (B, D) and -E log p(x|z) (B,) under self-normalised weights, float64."""
    weights, codes = torch.softmax(log_w.double(), 0), z.double()
    shares = weights[..., None]
    return (shares * codes).sum(0), (shares * codes**2).sum(0), -(weights * log_px_z.double()).sum(0)


def optimised(
    model: VAE,
    x: Tensor,
    posterior: Distribution,
    noise: Noise,
    *,
    steps: Count = 100,
    learning_rate: Positive = 0.05,
    num_samples: Count = 1,
) -> Reading:
    """The best q of the encoder's family for each single x: what amortisation costs *(Cremer et al., 2018)*.

    From the encoder's q(z|x) on, `steps` of Adam on the parameters of every example's own q maximise its ELBO,
    estimated by `num_samples` draws, with the decoder as it is; the learning rate falls linearly to 0, so that what is
    left of the draws' chance averages out. One optimiser has the parameters of all B examples: Adam goes by
    coordinates, and their ELBOs are summed. The ELBO here less that of the encoder is the amortisation gap, log p(x)
    less it the approximation gap.
    """
    if not isinstance(model.encoder, Encoder):
        raise ValueError("readout=optimised needs an encoder of models.posteriors.Encoder, whose tensors it refines")
    tensors = model.encoder.leaves(x)
    leaves = list(tensors.values())
    optimiser = torch.optim.Adam(leaves, lr=learning_rate)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = learning_rate * (1 - step / steps)
        with torch.enable_grad():
            q = model.encoder.distribution(tensors)
            loss = -_elbo(model.decode(x, draw(q, num_samples, noise), q)).sum()
        for leaf, gradient in zip(leaves, torch.autograd.grad(loss, leaves), strict=True):
            leaf.grad = gradient
        optimiser.step()
    q = model.encoder.distribution({name: tensor.detach() for name, tensor in tensors.items()})
    views = {"optimised_mean": q.mean, "optimised_sample": draw(q, 1, noise)[0]}
    return Reading(views, q.stddev, q)


def _elbo(inference: Inference) -> Tensor:
    """(B,) nats."""
    return inference.log_px_z.mean(0) - inference.kl
