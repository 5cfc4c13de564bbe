"""How much a representation keeps: active units, index-code information, total correlation of codes (N, D), in nats."""

from __future__ import annotations

from typing import Literal

import numpy as np

from metrics.aggregate import log_aggregate, log_aggregate_axis, log_posterior
from metrics.core import Array, Codes, Representation, Score
from metrics.factors import Labels, require_finite
from metrics.options import Count, NonNegative

Prior = Literal["unknown", "standard_normal"]


def information(
    representation: Representation,
    rng: np.random.Generator,
    *,
    threshold: NonNegative = 0.01,
    axis_points: Count = 1000,
    prior: Prior = "unknown",
) -> list[Score]:
    """Active units and the parts of the rate that need no prior; with prior=standard_normal also those that do.

    rate = mutual_information + marginal_kl, and marginal_kl = total_correlation + dimensionwise_kl when the prior
    factorises (Hoffman and Johnson, 2016; Chen et al., 2018). Per-axis densities are averaged over
    `axis_points` of the N test points, always under the mixture of all N.
    """
    active = active_units(representation.test.mean, threshold)
    scores = [Score("active_units", float(active), unit="units", representation="mean")]
    if why := _no_density(representation):
        names = ["mutual_information", "total_correlation"]
        names += ["dimensionwise_kl", "marginal_kl"] if prior == "standard_normal" else []
        return scores + [Score(name, None, unit="nats", reason=why) for name in names]
    rows = np.sort(rng.permutation(len(representation.test))[:axis_points])
    return scores + _densities(representation.test, rows, prior)


def active_units(mean: Array, threshold: float = 0.01) -> int:
    """The number of dimensions whose posterior mean moves with the input: Var_x(E[z_j|x]) > threshold.

    Burda et al., 2016 (threshold 0.01). Range 0..D; 0: a collapsed code; D: every unit is used. Noise
    means of unit variance count as active: the number says "used", not "useful". Depends on the scale of the code.
    """
    require_finite(mean)
    return int((mean.var(axis=0) > threshold).sum())


def mutual_information(sample: Array, mean: Array, stddev: Array) -> Array:
    """Index-code information, one term (N,) per example: log q(z_n|x_n) - log 1/N sum_m q(z_n|x_m), z_n ~ q(z|x_n).

    Its mean is I_q(x; z) over the N points (Hoffman and Johnson, 2016; Chen et al., 2018). Range of the exact
    value 0..log N, each term at most log N; 0: all posteriors coincide; log N: no two overlap, so that the
    information of the population is then only bounded from below. Invariant to any rescaling of an axis.
    """
    require_finite(sample, mean, stddev)
    return log_posterior(sample, mean, stddev).sum(axis=1) - log_aggregate(sample, mean, stddev)


def total_correlation(sample: Array, mean: Array, stddev: Array) -> Array:
    """Dependence between code axes, one term (N,) per example: log q(z_n) - sum_j log q(z_nj), of the aggregate.

    Its mean is KL(q(z) || prod_j q(z_j)) (Watanabe, 1960; Chen et al., 2018) of the mixture of N posteriors,
    exact up to the draw of z. Range from 0 without limit; 0: independent axes. With narrow posteriors in many
    dimensions it grows like (D - 1) log N even for independent codes: compare at equal N.
    """
    require_finite(sample, mean, stddev)
    return log_aggregate(sample, mean, stddev) - axis_log_densities(sample, mean, stddev).sum(axis=1)


def axis_log_densities(sample: Array, mean: Array, stddev: Array) -> Array:
    """Log-density (M, D) of samples (M, D) under each axis of the aggregate of N posteriors (N, D)."""
    axes = range(mean.shape[1])
    return np.column_stack([log_aggregate_axis(sample[:, j], mean[:, j], stddev[:, j]) for j in axes])


def _densities(codes: Codes, rows: Labels, prior: Prior) -> list[Score]:
    log_q = log_aggregate(codes.sample, codes.mean, codes.stddev)
    log_axes = axis_log_densities(codes.sample[rows], codes.mean, codes.stddev)
    per_example = log_posterior(codes.sample, codes.mean, codes.stddev).sum(axis=1) - log_q
    note = f"aggregate of N = {len(codes)} test points, {len(rows)} samples"
    scores = [
        _score("mutual_information", per_example, f"at most log N = {np.log(len(codes)):.3f} nats"),
        _score("total_correlation", log_q[rows] - log_axes.sum(axis=1), note),
    ]
    if prior == "unknown":
        return scores
    log_p, note = log_posterior(codes.sample[rows], np.zeros(1), np.ones(1)), f"against N(0, I), {note}"
    scores.append(_score("dimensionwise_kl", (log_axes - log_p).sum(axis=1), note))
    return [*scores, _score("marginal_kl", log_q[rows] - log_p.sum(axis=1), note)]


def _score(name: str, per_example: Array, reason: str) -> Score:
    n = len(per_example)
    stderr = float(per_example.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    value = float(per_example.mean())
    return Score(name, value, stderr, unit="nats", representation="sample", reason=reason)


def _no_density(representation: Representation) -> str:
    if representation.deterministic:
        return "a deterministic code has no density q(z|x)"
    if not (representation.test.stddev > 0).all():
        return "stddev is zero somewhere, where q(z|x) has no density"
    return ""
