"""ELBO surgery: the rate as information and divergences, for any q(z|x) and p(z) with a density, nats an example."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.measure.densities import TrainedModel, sampled
from benchmark.measure.encode import BLOCK
from benchmark.training.loading import measure_of, values_of
from metrics.core import Array, Better, Score
from models.distributions import NoDensity
from models.divergences import closed_form_kl, kl_per_dimension
from models.mixtures import Components, components, log_mixture, log_others, with_own
from models.sampling import draw
from models.types import Count
from models.vae import VAE

# multiplications that may be spent on pairs of draws and posteriors, whatever the machine: a few seconds on one core
WORK = 2**35
FEWEST = 1000  # draws that are enough, where not all examples can have one

PARTS = ("index_code_information", "index_code_information_upper", "empirical_marginal_kl")
FACTORISED = ("empirical_total_correlation", "empirical_dimensionwise_kl")
BOUNDS = ("aggregate_rate", "aggregate_elbo")
GAPS = ("decoder_gap", "decoder_gap_upper")
ALONE = "one example alone says nothing of the aggregate posterior"
UNKNOWN = "H(x) is not known; -log p(x) of the best model found is an upper bound of it, no more"


@dataclass(frozen=True)
class Terms:
    """Means over draws for each of the first M examples, (M,) nats."""

    rate: Array
    information: Array  # log q(z|x) - log q(z)
    left_out: Array  # log q(z|x) - log of the mixture of all other posteriors
    by_axis: Array | None  # sum_j log q(z_j|x) - log q(z_j), where axes are independent given x
    factorised: bool  # the prior is a product too
    aggregate: Array | None  # log q(z|x) - log q(z) of the probe images
    note: str
    of_probe: str


def surgery(trained: TrainedModel, *, num_samples: Count = 1) -> list[Score]:
    """The rate in parts, for any q(z|x) and p(z) whose densities can be evaluated anywhere.

    With q(z) = 1/N sum_n q(z|x_n) of the N test examples *(Hoffman and Johnson, 2016)*:
    R = index_code_information I_q(n; z) + empirical_marginal_kl KL(q(z) || p(z)), and where axes of q(z|x) and p(z) are
    independent KL(q(z) || p(z)) = empirical_total_correlation + empirical_dimensionwise_kl *(Chen et al., 2018)*. The
    parts sum to the rate of the same draws: I is E log q(z|x) - log q(z), by `num_samples` draws for each example, and
    the others are R, in closed form where one is known, less I and less the information of single axes.

    All that is exact of these N examples but for the chance of the draws (standard errors are over examples). Of the
    population that they are of, index_code_information is a lower bound of I(x; z) in expectation, at most log N: what
    `information` calls mutual_information, there of the one draw that codes keep. empirical_marginal_kl is an upper
    bound of its marginal_kl; the two others are no bounds. index_code_information_upper is an upper bound of I(x; z):
    the rate, the rate under the mixture of the other N - 1 posteriors, or the entropy of discrete data, whichever is
    least.

    aggregate_rate and aggregate_elbo are those under the aggregate posterior of the probe images as prior, which no
    model was trained on: aggregate_rate is at least I(x; z) in expectation, so that rate - aggregate_rate is at most
    KL(q(z) || p(z)) of the population, and empirical_marginal_kl at least.

    data_entropy is H(x) where the data set knows it, in the measure of the likelihood; H - D <= I(x; z) <= R *(Alemi et
    al., 2018)*, and decoder_gap I - (H - D) = E KL(q(x|z) || p(x|z)), from index_code_information below and from
    index_code_information_upper above.

    Costs about 3 10^10 multiplications, an exponential counted as 32: of all N examples where these suffice, of draws
    of fewer examples (at least 1,000) under the mixture of all N otherwise, or of a stratified minibatch *(Chen et al.,
    2018)*, whose information is biased upwards; rows say which.
    """
    known = _entropy(trained)
    why = trained.no_density or (
        "" if len(trained.x) > 1 else "one example alone says nothing of the aggregate posterior"
    )
    if why or trained.model is None:
        return [*_nulls((*PARTS, *FACTORISED, *BOUNDS, *GAPS), why), known]
    try:
        terms = _terms(trained, trained.model, num_samples)
    except NoDensity as error:
        return [*_nulls((*PARTS, *FACTORISED, *BOUNDS, *GAPS), str(error)), known]
    parts, _ = sampled(trained, trained.model)
    distortion = torch.cat([part.distortion for part in parts]).double().cpu().numpy()[: len(terms.rate)]
    above, what = _least(terms, known)
    rows = _parts(terms, len(trained.x), above, what) + _factorised(terms)
    return rows + _under_aggregate(terms, distortion) + _gaps(terms, distortion, above, known) + [known]


@torch.no_grad()
def _terms(trained: TrainedModel, model: VAE, num_samples: int) -> Terms:
    """All that is computed of pairs."""
    total, posteriors = len(trained.x), list(trained.posteriors)
    z = torch.cat([draw(one, num_samples, trained.noise) for one in posteriors], 1)
    few, points, note = _affordable(posteriors, z[0, :1], num_samples, total)
    z, parts = z[:, :points], components(few)
    own = parts.own(z)
    information = partial(_information, z=z, total=total)
    others, joint = information(parts, own)
    rate, factorised = _rates(few, model.prior(), z, own)
    by_axis = None
    if (axes := parts.axes()) is not None:
        each = [information(axis, None, axis=j)[1] for j, axis in enumerate(axes)]
        by_axis = _numbers(torch.stack(each).sum(0))
    probe, of_probe = _probe(trained, z, num_samples)
    aggregate = None if probe is None else _numbers(own - log_mixture(probe, z.flatten(0, 1)).reshape(own.shape))
    return Terms(rate, _numbers(joint), _numbers(others), by_axis, factorised, aggregate, note, of_probe)


def _information(
    parts: Components, own: Tensor | None, *, z: Tensor, total: int, axis: int | None = None
) -> tuple[Tensor, Tensor]:
    """log q(z|x) less the log-densities of the mixtures without and with the own component, (S, M) each."""
    z = z if axis is None else z[..., axis : axis + 1]
    own = parts.own(z) if own is None else own
    others = log_others(parts, z)
    return own - others, own - with_own(others, own, total)


def _rates(posteriors: Sequence[Distribution], prior: Distribution, z: Tensor, own: Tensor) -> tuple[Array, bool]:
    """R of each example, (M,), in closed form where one is known, else by the draws; whether it is a sum over axes."""
    closed = [closed_form_kl(one, prior) for one in posteriors]
    known = [one for one in closed if one is not None]
    factorised = kl_per_dimension(posteriors[0], prior) is not None
    if len(known) == len(closed):
        return torch.cat(known).double().cpu().numpy()[: z.shape[1]], factorised
    log_p = torch.cat([prior.log_prob(part).double() for part in z.split(BLOCK, 1)], 1)
    return _numbers(own - log_p), factorised


def _affordable(
    posteriors: Sequence[Distribution], z: Tensor, num_samples: int, total: int
) -> tuple[Sequence[Distribution], int, str]:
    """The posteriors of a mixture, of how many examples there are draws, and what is said of it; z (1, D) is a draw."""
    whole = components(posteriors)
    one = sum(part.cost(z[:, :1]) for part in whole.axes() or ()) + 2 * whole.cost(z)
    pairs = WORK // (one * num_samples)
    points, block = min(total, pairs // total), posteriors[0].batch_shape[0]
    points = points if points == total else points // block * block
    if points >= min(total, FEWEST):
        draws = "" if points == total else f" at draws of the first {points}"
        return posteriors, points, f"the mixture of all N = {total} test examples{draws}"
    few = posteriors[: max(1, math.isqrt(pairs) // block)]
    size = sum(one.batch_shape[0] for one in few)
    return few, size, f"a stratified minibatch of {size} of N = {total} test examples, biased upwards"


def _probe(trained: TrainedModel, z: Tensor, num_samples: int) -> tuple[Components | None, str]:
    """The posteriors of the probe images, as many as are affordable."""
    if not trained.probe:
        return None, "there are no posteriors of probe images"
    whole = components(trained.probe)
    most = WORK // (2 * whole.cost(z[0, :1]) * z.shape[1] * num_samples)
    size = trained.probe[0].batch_shape[0]
    few = trained.probe if most >= len(whole) else trained.probe[: max(1, most // size)]
    parts = components(few)
    return parts, f"q(z) of {len(parts)} probe images, as prior"


def _least(terms: Terms, known: Score) -> tuple[Array, str]:
    """Of the upper bounds of I(x; z) the one with the least mean, (M,), and its name."""
    bounds = [(terms.rate, "the rate"), (terms.left_out, "the rate under the mixture of all others")]
    if known.value is not None and known.reason.startswith(COUNTED):
        bounds.append((np.full_like(terms.rate, known.value), "the entropy of the data"))
    return min(bounds, key=lambda bound: bound[0].mean())


def _parts(terms: Terms, total: int, above: Array, what: str) -> list[Score]:
    cap = f"at most log N = {math.log(total):.3f} nats, {terms.note}"
    of = f"of a rate of {terms.rate.mean():.6g} nats, {terms.note}"
    return [
        _mean(PARTS[0], terms.information, cap),
        _mean(PARTS[1], above, f"upper bound of I(x; z): {what}"),
        _mean(PARTS[2], terms.rate - terms.information, of),
    ]


def _factorised(terms: Terms) -> list[Score]:
    if terms.by_axis is None:
        return _nulls(FACTORISED, "axes of q(z|x) are not known to be independent")
    correlation = _mean(FACTORISED[0], terms.by_axis - terms.information, terms.note)
    if not terms.factorised:
        return [correlation, *_nulls(FACTORISED[1:], "p(z) is not known to be a product over axes")]
    return [correlation, _mean(FACTORISED[1], terms.rate - terms.by_axis, terms.note)]


def _under_aggregate(terms: Terms, distortion: Array) -> list[Score]:
    if terms.aggregate is None:
        return _nulls(BOUNDS, terms.of_probe)
    rate = _mean(BOUNDS[0], terms.aggregate, terms.of_probe)
    return [rate, _mean(BOUNDS[1], -(terms.aggregate + distortion), terms.of_probe, "higher")]


def _gaps(terms: Terms, distortion: Array, above: Array, known: Score) -> list[Score]:
    if known.value is None:
        return _nulls(GAPS, known.reason)
    low, high = (bound + distortion - known.value for bound in (terms.information, above))
    return [_mean(GAPS[0], low, "lower bound"), _mean(GAPS[1], high, "upper bound")]


COUNTED = "exact, of the population of images"


def _entropy(trained: TrainedModel) -> Score:
    """H(x) where the data set knows it and log p(x|z) is in the same measure."""
    dataset = trained.dataset
    if dataset.entropy is None:
        return _null("data_entropy", UNKNOWN)
    counted = values_of(dataset) != "real"
    measure = measure_of(trained.plan, dataset)
    if measure != ("counting" if counted else "lebesgue"):
        return _null("data_entropy", f"H(x) of {dataset.name} does not compare with a likelihood in {measure}")
    said = f"{COUNTED}, identical ones counted together" if counted else "exact, of the density of the population"
    return Score("data_entropy", dataset.entropy, unit="nats", reason=said)


def _numbers(values: Tensor) -> Array:
    """(S, M) -> means over draws (M,)."""
    return np.asarray(values.mean(0).cpu().numpy(), dtype=np.float64)


def _mean(name: str, values: Array, note: str, better: Better | None = None) -> Score:
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    return Score(name, float(values.mean()), error, "nats", better, reason=note)


def _null(name: str, reason: str) -> Score:
    return Score(name, None, unit="nats", reason=reason)


def _nulls(names: Sequence[str], reason: str) -> list[Score]:
    return [_null(name, reason) for name in names]
