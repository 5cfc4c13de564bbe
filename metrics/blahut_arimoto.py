"""Blahut-Arimoto: the best encoder and marginal of a fixed decoder, and its whole rate-distortion curve, in nats."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from metrics.core import Array

MOST, CLOSE = 200_000, 1e-12  # iterations, and nats of the objective's gap at which they end


class Optimum(NamedTuple):
    """The least D + beta R over encoders e(z|x) (n, S) and marginals m(z) (S,)."""

    rate: float
    distortion: float
    encoder: Array
    marginal: Array


def blahut_arimoto(p: Array, distortions: Array, beta: float) -> Optimum:
    """min D + beta R over e(z|x) and m(z), of a source p(x) (n,) and distortions d(x, z) = -log d(x|z) (n, S), in nats.

    Alternates e(z|x) ~ m(z) exp(-d(x, z) / beta) with m(z) = sum_x p(x) e(z|x) *(Blahut, 1972; Arimoto, 1972)*; at the
    optimum R = I(x; z), and the curve of R against D has the slope dD/dR = -beta *(Alemi et al., 2018)*. It ends when
    beta log max_z sum_x p(x) e(z|x) / m(z), which the objective is above its minimum at most, is below 1e-12.
    ValueError for a beta that is not positive, or a p(x) that is no distribution.
    """
    if not beta > 0:
        raise ValueError(f"beta={beta}: must be positive; at 0 every code costs nothing")
    p, distortions = np.asarray(p, np.float64), np.asarray(distortions, np.float64)
    if p.ndim != 1 or (p < 0).any() or abs(p.sum() - 1) > 1e-6 or distortions.shape[0] != len(p):
        raise ValueError("p must be a distribution over the rows of distortions")
    # the least distortion of each x is left out of the exponent: it cancels, and nothing underflows to 0 / 0
    weights = np.exp(-(distortions - distortions.min(1, keepdims=True)) / beta)
    marginal = np.full(distortions.shape[1], 1 / distortions.shape[1])
    for _ in range(MOST):
        gain = (p / (weights @ marginal)) @ weights  # of each state: its new share over its old one
        marginal = marginal * gain
        if beta * np.log(gain.max()) < CLOSE:
            break
    joint = weights * marginal
    encoder = joint / joint.sum(1, keepdims=True)
    return Optimum(information(p, encoder), float(p @ (encoder * distortions).sum(1)), encoder, p @ encoder)


def information(p: Array, encoder: Array) -> float:
    """I(x; z) of p(x) (n,) and e(z|x) (n, S), nats."""
    return mean_divergence(p, encoder, p @ encoder)


def mean_divergence(p: Array, encoder: Array, marginal: Array) -> float:
    """sum_x p(x) KL(e(z|x) || m(z)) of p (n,), e (n, S), m (S,), nats: the rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(encoder > 0, encoder * np.log(encoder / marginal), 0.0)
    return float(p @ parts.sum(1))


def entropy(p: Array) -> float:
    """-sum p log p, nats."""
    kept = p[p > 0]
    return float(-(kept * np.log(kept)).sum())
