"""Scores that need densities: rate, distortion, ELBO, L_K and closed forms, means over the test split in nats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.config.plan import Plan
from benchmark.datasets import Dataset
from benchmark.datasets.core import WHOLE
from benchmark.measure.encode import BLOCK
from benchmark.measure.enumerated import exact_sums
from benchmark.training.noise import noise_stream
from metrics.core import AMORTISED, Array, Better, Inapplicable, Measurement, Score
from models.distributions import has_density
from models.enumerable import EnumerableVAE
from models.evidence import RateDistortion, bounds, counts_up_to, importance_evidence, rates_and_distortions
from models.exact import linear_beta_vae, linear_log_evidence
from models.linear_gaussian import LinearGaussian, as_linear_gaussian, beta_of
from models.noise import NOTHING, Noise
from models.types import Count
from models.vae import VAE

# multiplications of the decoder that may be spent, whatever the machine, so that every machine measures the same
RATE_WORK = 2**33  # on the default number of samples of rate and distortion: a fraction of a second
EVIDENCE_WORK = 64 * RATE_WORK  # on importance samples, by the default number of examples: half a minute
MOST_SAMPLES = 2**14
RATE = "rate_distortion"  # the selector, after which its stream of noise is called


@dataclass(frozen=True)
class TrainedModel:
    """What evidence is measured on: a model and the one draw of the test split that all models share."""

    plan: Plan
    dataset: Dataset
    model: VAE | None  # None: codes without a density (pca, truth, noise)
    x: Tensor  # (N, *shape)
    posteriors: Sequence[Distribution]  # q(z|x) in blocks of BLOCK examples, none for codes without a density
    noise: Noise = NOTHING  # each metric is given a stream of its own
    readout: str = AMORTISED  # that the posteriors are of
    distortion: Tensor | None = None  # (N,) nats, of a readout that has no other density
    unread: str = ""  # why a readout has no density
    probe: Sequence[Distribution] = ()  # q(z|x) of the probe split, by the same readout
    found: dict[int, list[RateDistortion]] = field(default_factory=dict, compare=False)  # see `sampled`
    finding: Lock = field(default_factory=Lock, compare=False)  # by one of the threads that ask

    def blocks(self, most: int | None = None) -> Iterator[tuple[Tensor, Distribution | None]]:
        """x in blocks with their posteriors; a block that `most` cuts must be encoded anew, and stays whole where the
        posterior is not the encoder's."""
        x = self.x[:most]
        x = x if self.readout == AMORTISED else self.x[: math.ceil(len(x) / BLOCK) * BLOCK]
        for block, posterior in zip(torch.split(x, BLOCK), self.posteriors, strict=False):
            yield block, posterior if posterior.batch_shape[0] == len(block) else None

    @property
    def no_density(self) -> str:
        """Why densities of z do not exist here, or an empty string."""
        if self.model is None:
            return "codes of a reference have no density"
        return self.unread if all(map(has_density, self.posteriors)) else "a deterministic code has no density"


def rate_distortion(trained: TrainedModel, *, num_samples: Count | None = None) -> list[Score]:
    """rate, distortion and elbo = -(rate + distortion) *(Alemi et al., 2018)*, means over test examples, nats.

    `num_samples` draws of z each; None takes as many as about 10^10 multiplications allow, 1 to 16,384.
    """
    model = trained.model
    if model is None:
        return [_null(name, trained.no_density) for name in ("rate", "distortion", "elbo")]
    if trained.distortion is not None:
        distortion = mean_score("distortion", trained.distortion, "lower", "of the weighted samples of the readout")
        return [_null("rate", trained.unread), distortion, _null("elbo", trained.unread)]
    parts, samples = sampled(trained, model, num_samples)
    distortions = torch.cat([part.distortion for part in parts])
    rates = [part.rate for part in parts if part.rate is not None]
    if not rates:
        distortion = mean_score("distortion", distortions, "lower", "at the one z of a point posterior")
        return [_null("rate", trained.no_density), distortion, _null("elbo", trained.no_density)]
    summed = all(part.enumerated for part in parts)
    note = "exact sums over all of z" if summed else f"{samples} samples of z per example"
    exact = all(part.closed_form for part in parts)
    of_rate = note if exact else f"by Monte Carlo, for no closed form is known; {note}"
    found = [
        mean_score("rate", torch.cat(rates), None, of_rate),
        mean_score("distortion", distortions, "lower", note),
        mean_score("elbo", -(torch.cat(rates) + distortions), "higher", of_rate),
    ]
    # nothing is estimated where the examples are the whole distribution
    exactly = summed and trained.dataset.protocol == WHOLE
    return [replace(score, stderr=None) for score in found] if exactly else found


def sampled(trained: TrainedModel, model: VAE, num_samples: int | None = None) -> tuple[list[RateDistortion], int]:
    """Rate and distortion of the test examples, block by block, by how many samples; as many as are affordable unless
    told. They are estimated for whoever asks first, by the noise of `rate_distortion`, and given to all others."""
    samples = num_samples or min(MOST_SAMPLES, affordable(model, RATE_WORK, len(trained.x)))
    with trained.finding:
        if samples not in trained.found:
            noise = noise_stream(trained.plan.settings.evaluation_seed, RATE, trained.x.device)
            estimate = partial(rates_and_distortions, model, num_samples=samples, noise=noise)
            trained.found[samples] = [estimate(x, posterior=posterior) for x, posterior in trained.blocks()]
    return trained.found[samples], samples


def affordable(model: VAE, work: int, count: int) -> int:
    """How many times `count` codes may be decoded by so many multiplications, at least once."""
    return max(1, work // (count * model.multiplications))


def _examples(trained: TrainedModel, model: VAE, num_samples: int) -> int:
    """Of how many examples K samples each are affordable: in whole blocks, which are encoded already, if it is one."""
    found = min(len(trained.x), affordable(model, EVIDENCE_WORK, num_samples))
    return found if found in range(BLOCK) or found == len(trained.x) else found // BLOCK * BLOCK


def evidence(trained: TrainedModel, *, num_samples: Count = 100, num_examples: Count | None = None) -> Measurement:
    """iwae_<K> = E_x L_K(x) *(Burda et al., 2016)* and the effective sample size, K = `num_samples`; on the first
    `num_examples` of the test split. None takes as many as about 5 10^11 multiplications allow, which the row says.

    The curve `iwae` has E_x L_K(x) and its standard error over examples for K = 1, 2, 5, 10, ... up to `num_samples`,
    of the same samples.
    """
    name = f"iwae_{num_samples}"
    if trained.model is not None and trained.no_density and not trained.unread:
        raise Inapplicable(f"{trained.no_density}, so no importance weights (use metrics=[rate_distortion])")
    if trained.no_density or trained.model is None:
        why = trained.no_density
        return Measurement([_null(name, why), replace(_null("effective_sample_size", why), unit="samples")])
    most = num_examples or _examples(trained, trained.model, num_samples)
    counts, found, curves = counts_up_to(num_samples), [], []
    for x, posterior in trained.blocks(most):
        noise = trained.noise
        part = importance_evidence(trained.model, x, num_samples=num_samples, noise=noise, posterior=posterior)
        found.append(torch.stack([part.log_evidence, part.effective_sample_size]))
        curves.append(bounds(part.log_w, counts))
    log_evidence, sample_size = torch.cat(found, 1)[:, :most]
    curve = _curve(counts, torch.cat(curves, 1)[:, :most])
    few = "" if len(log_evidence) == len(trained.x) else f" of {len(trained.x)}"
    size = mean_score("effective_sample_size", sample_size, "higher", f"of {num_samples} importance samples")
    bound = mean_score(name, log_evidence, "higher", f"{len(log_evidence)}{few} test examples")
    return Measurement([bound, replace(size, unit="samples")], {"iwae": curve})


def _curve(x: Sequence[int], values: Tensor) -> Array:
    """Means over examples of values (n, N), and their standard errors, each beside its x: (n, 3)."""
    rows = values.double().cpu().numpy()
    error = rows.std(1, ddof=1) / np.sqrt(rows.shape[1]) if rows.shape[1] > 1 else np.zeros(len(rows))
    return np.column_stack([x, rows.mean(1), error])


def exact(trained: TrainedModel) -> Measurement:
    """Closed forms: the optimum of a linear (beta-)VAE on Gaussian data, and log p(x) of the linear model at hand; of a
    model over few states the sums of `exact_sums`.

    They are the model's, however its codes are read: the amortised readout has them, the others nothing.
    """
    if trained.readout != AMORTISED:
        return Measurement([])
    objective = trained.plan.objective
    beta = None if objective is None else beta_of(objective.build())
    if isinstance(trained.model, EnumerableVAE):
        return exact_sums(trained.model, trained.x, beta)
    known = None if trained.model is None else as_linear_gaussian(trained.model)
    if known is None:
        known_of = "model=linear with a Gaussian likelihood, or model=enumerable"
        raise Inapplicable(f"exact needs {known_of}: no closed form is known otherwise")
    scores = [_exact_log_evidence(known, trained.x)]
    eigenvalues = trained.dataset.exact.get("eigenvalues")
    if eigenvalues is not None and beta is not None:
        scores += _exact_optimum(known, list(eigenvalues), beta)
    return Measurement(scores)


def _exact_optimum(known: LinearGaussian, eigenvalues: list[float], beta: float) -> list[Score]:
    best = linear_beta_vae(eigenvalues, known.weight.shape[1], beta, known.given)
    note = f"closed-form optimum at beta sigma2 = {beta * best.sigma2:.6g}"
    return [
        Score("exact_rate", best.rate, unit="nats", reason=note),
        Score("exact_distortion", best.distortion, unit="nats", better="lower", reason=note),
        Score("exact_elbo", -(best.rate + best.distortion), unit="nats", better="higher", reason=note),
        Score("exact_active_units", float(best.active_units), unit="units", reason=note),
    ]


def _exact_log_evidence(known: LinearGaussian, x: Tensor) -> Score:
    pixels = x.flatten(1).double().cpu().numpy()
    log_px = linear_log_evidence(pixels, known.weight, known.bias, known.sigma2)
    return mean_score("exact_log_evidence", torch.from_numpy(log_px), "higher", "log p(x) of this linear model")


def mean_score(name: str, values: Tensor, better: Better | None, note: str) -> Score:
    """The mean of values (N,) over examples, nats, with its standard error over them."""
    array = values.double().cpu().numpy()
    stderr = float(array.std(ddof=1) / np.sqrt(len(array))) if len(array) > 1 else None
    return Score(name, float(array.mean()), stderr, "nats", better, reason=note)


def _null(name: str, reason: str) -> Score:
    return Score(name, None, unit="nats", reason=reason)
