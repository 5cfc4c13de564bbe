"""Exact sums of models over few states: information, both gaps, and the optimum by Blahut-Arimoto, in nats."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from torch import Tensor

from metrics.blahut_arimoto import blahut_arimoto, entropy, information
from metrics.core import Array, Measurement, Score
from models.enumerable import EnumerableVAE

BETAS = np.geomspace(0.05, 20.0, 61)  # of the curve
_nats = partial(Score, unit="nats")


def exact_sums(model: EnumerableVAE, x: Tensor, beta: float | None) -> Measurement:
    """Sums over all values of x and all states; where the decoder is fixed, the optimum at `beta` and the whole curve.

    H - D <= I(x; z) <= R: exact_marginal_gap = R - I = KL(e(z) || m(z)), exact_decoder_gap = I - (H - D) =
    E KL(p_e(x|z) || d(x|z)) *(Alemi et al., 2018)*. The curve `blahut_arimoto` is of rate, distortion and beta.
    """
    found = {name: value.numpy() for name, value in model.sums(x).items()}
    fixed = not any(parameter.requires_grad for parameter in model.decoder.parameters())
    scores, curves = list(_parts(**found)), {}
    if fixed:
        distortions = -found["log_decoder"]
        scores += _optimum(found["p"], distortions, beta) if beta else []
        curves["blahut_arimoto"] = _curve(found["p"], distortions)
    return Measurement(scores, curves=curves)


def _parts(p: Array, encoder: Array, prior: Array, log_decoder: Array) -> Iterator[Score]:
    known, marginal = information(p, encoder), p @ encoder
    yield _nats("exact_entropy", entropy(p), reason="of the data's distribution over its values")
    yield _nats("exact_information", known, reason="exact sum over values and states")
    yield _nats("exact_marginal_gap", float(_divergence(marginal, prior)), reason="R - I, exact")
    joint = p[:, None] * encoder
    with np.errstate(divide="ignore", invalid="ignore"):
        backward = np.where(joint > 0, joint * (np.log(joint / marginal) - log_decoder), 0.0)
    yield _nats("exact_decoder_gap", float(backward.sum()), better="lower", reason="I - (H - D), exact")


def _divergence(q: Array, p: Array) -> Array:
    kept = q > 0
    return (q[kept] * np.log(q[kept] / p[kept])).sum()


def _optimum(p: Array, distortions: Array, beta: float) -> list[Score]:
    best = blahut_arimoto(p, distortions, beta)
    note = f"by Blahut-Arimoto at beta = {beta:g}, for this decoder"
    return [
        _nats("exact_rate", best.rate, reason=note),
        _nats("exact_distortion", best.distortion, better="lower", reason=note),
        _nats("exact_elbo", -(best.rate + best.distortion), better="higher", reason=note),
    ]


def _curve(p: Array, distortions: Array) -> Array:
    """(n, 3): rate, distortion and beta, by rising rate."""
    best = [blahut_arimoto(p, distortions, float(beta)) for beta in BETAS[::-1]]
    return np.array([(one.rate, one.distortion, beta) for one, beta in zip(best, BETAS[::-1], strict=True)])
