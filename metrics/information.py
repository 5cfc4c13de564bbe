"""How much a representation keeps: active units, index-code information, total correlation of codes (N, D), in nats."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from metrics.aggregate import log_posterior
from metrics.bounds import Bounds, densities
from metrics.core import Array, Representation, Score
from metrics.factors import Labels, require_finite
from metrics.options import Count, NonNegative

Prior = Literal["unknown", "standard_normal"]
FEWEST = 20  # examples whose spread tells a standard error


def information(
    representation: Representation,
    rng: np.random.Generator,
    *,
    threshold: NonNegative = 0.01,
    axis_points: Count = 1000,
    prior: Prior = "unknown",
) -> list[Score]:
    """Active units and the parts of the rate that need no prior; with prior=standard_normal also those that do.

    mutual_information = I(x; z), total_correlation = KL(q(z) || prod_j q(z_j)) (Watanabe, 1960), dimensionwise_kl =
    sum_j KL(q(z_j) || p(z_j)), marginal_kl = KL(q(z) || p(z)), in nats, from 0, of the population that the N test
    points are a sample of. Of the quantities, not of the values here, rate = mutual_information + marginal_kl, and
    marginal_kl = total_correlation + dimensionwise_kl when the prior factorises (Hoffman and Johnson, 2016; Chen et
    al., 2018).

    Each value is a lower bound in expectation, and <name>_upper an upper one (see metrics.bounds), since N points know
    little of q(z) where posteriors are narrow: index-code information stops at log N, and the total correlation
    of the N-point mixture goes up to (D - 1) log N for independent axes. A standard error (over examples) stands only
    where the two bounds are no further apart than it is. The lower bound of total_correlation is the better of what a
    normal copula and what the mixture of the other posteriors finds: exact for jointly normal samples however narrow
    the posteriors, blind to other dependence of codes whose upper bound is far. Invariant to permutation, sign, scale
    and shift of an axis (but for prior=standard_normal). Densities of single axes, and those from below, are averaged
    over `axis_points` of the N points.
    """
    active = active_units(representation.test.mean, threshold)
    scores = [Score("active_units", float(active), unit="units", representation="mean")]
    if why := _no_density(representation):
        names = ["mutual_information", "total_correlation"]
        names += ["dimensionwise_kl", "marginal_kl"] if prior == "standard_normal" else []
        both = [f"{name}{side}" for name in names for side in ("", "_upper")]
        return scores + [Score(name, None, unit="nats", reason=why) for name in both]
    rows = np.sort(rng.permutation(len(representation.test))[:axis_points])
    return scores + _of_densities(representation, rows, prior)


def active_units(mean: Array, threshold: float = 0.01) -> int:
    """The number of dimensions whose posterior mean moves with the input: Var_x(E[z_j|x]) > threshold.

    Burda et al., 2016 (threshold 0.01). Range 0..D; 0: a collapsed code; D: every unit is used. Noise
    means of unit variance count as active: the number says "used", not "useful". Depends on the scale of the code.
    """
    require_finite(mean)
    return int((mean.var(axis=0) > threshold).sum())


def _of_densities(representation: Representation, rows: Labels, prior: Prior) -> list[Score]:
    codes = representation.test
    found = densities(codes, representation.train.sample, rows)
    note = f"from N = {len(codes)} test points, {len(rows)} samples"
    cap = f"at most log N = {np.log(len(codes)):.3f} nats, "
    scores = _enclosing("mutual_information", found.mutual_information(), note, cap)
    scores += _enclosing("total_correlation", found.total_correlation(), note)
    if prior == "unknown":
        return scores
    log_p = log_posterior(codes.sample[rows], np.zeros(1), np.ones(1)).sum(axis=1)
    scores += _enclosing("dimensionwise_kl", found.dimensionwise(log_p), f"against N(0, I), {note}")
    return scores + _enclosing("marginal_kl", found.marginal(log_p), f"against N(0, I), {note}")


def _enclosing(name: str, bounds: Bounds, note: str, cap: str = "") -> list[Score]:
    """Lower bound (with its cap) and upper bound, with a standard error only where it is at least their distance."""
    low, n = max(0.0, float(bounds.low.mean())), len(bounds.low)
    high, error = max(low, float(bounds.high.mean())), float(bounds.low.std(ddof=1) / np.sqrt(n))
    stderr = error if n >= FEWEST and high - low <= error else None
    known = f"standard error only where {name}_upper is as near"
    blank = Score(name, low, stderr, unit="nats", representation="sample", reason=f"lower bound, {cap}{note}; {known}")
    return [blank, replace(blank, name=f"{name}_upper", value=high, reason=f"upper bound, {note}")]


def _no_density(representation: Representation) -> str:
    if representation.deterministic:
        return "a deterministic code has no density q(z|x)"
    if not (representation.test.stddev > 0).all():
        return "stddev is zero somewhere, where q(z|x) has no density"
    return "" if len(representation.test) > 1 else "one example alone says nothing of the aggregate posterior"
