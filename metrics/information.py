"""How much a representation keeps: active units, index-code information, total correlation of codes (N, D), in nats."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from metrics.aggregate import log_posterior
from metrics.bounds import Bounds, densities
from metrics.core import Array, Representation, Score, joined
from metrics.declared import BOUND, UNBOUNDED, Declared
from metrics.factors import Labels, require_finite
from metrics.options import Count, NonNegative

OF_CODES = ("mutual_information", "total_correlation")
OF_PRIOR = ("dimensionwise_kl", "marginal_kl")
UNKNOWN = "p(z) is not known to be standard normal, which this assumes (metrics.information.prior=standard_normal)"
ESTIMATED = "means of draws vary by their chance, which would count as activity"
FEWEST = 20  # examples whose spread tells a standard error


NATS = "lower bound, from 0 nats; "
AT_ZERO = "0: q(z) (of each axis) may be the prior; no direction"
SCORES = (
    Declared("active_units", "active units", "latent dimensions with Var_x E[z|x] > 0.01", "0..D; 0: collapsed; says "
             "used, not useful: noise of unit variance counts", "units", None, (0, UNBOUNDED), BOUND, column=9,
             drawn=True, related=170, changed_by=("small", "one_axis")),
    Declared("mutual_information", "mutual information", "I(x;z) under the encoder; a lower bound from N points, at "
             "most log N", "lower bound, 0..log N, the cap, reached by any narrow posteriors; 0: collapsed", "nats",
             None, (0, UNBOUNDED), BOUND, column=11, drawn=True),
    Declared("total_correlation", "total correlation", "KL(q(z) || prod_j q(z_j)), dependence among all axes", f"{NATS}"
             "0: none found, as of collapsed or independent axes; no direction", "nats", None, (0, UNBOUNDED)),
    Declared("dimensionwise_kl", "dimension-wise KL", "sum_j KL(q(z_j) || p(z_j)), what single axes add to the rate",
             NATS + AT_ZERO, "nats", None, (0, UNBOUNDED)),
    Declared("marginal_kl", "marginal KL", "KL(q(z) || p(z)), how far the codes of all data are from the prior",
             NATS + AT_ZERO, "nats", None, (0, UNBOUNDED)),
    *(Declared(f"{name}_upper", f"{title}, upper bound", f"what {title} is at most, in expectation",
               "upper bound of the score without _upper, nats; the truth lies between the two; no direction", "nats",
               None, (0, UNBOUNDED))
      for name, title in (("mutual_information", "mutual information"), ("total_correlation", "total correlation"),
                          ("dimensionwise_kl", "dimension-wise KL"), ("marginal_kl", "marginal KL"))),
)  # fmt: skip


def information(
    representation: Representation,
    rng: np.random.Generator,
    *,
    threshold: NonNegative = 0.01,
    axis_points: Count = 1000,
    prior: Literal["unknown", "standard_normal"] = "unknown",
) -> list[Score]:
    """Active units and the parts of the rate: of the codes alone, and against a standard normal prior p(z).

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
    and shift of an axis, but for what is held against the prior. Densities of single axes, and those from below, are
    averaged over `axis_points` of the N points.

    Where q(z|x) is not known to be a diagonal Gaussian, all but active_units are null; where p(z) is not known to be
    standard normal, so are active_units (whose threshold is a share of its variance), dimensionwise_kl and marginal_kl.
    `prior` says it of codes that were brought along; those of a model know.
    """
    against = "" if "standard_normal" in (prior, representation.prior) else UNKNOWN
    no_units = against or (ESTIMATED if representation.test.estimated else "")
    units = None if no_units else float(active_units(representation.test.mean, threshold))
    scores = [Score("active_units", units, unit="units", representation=representation.point, reason=no_units)]
    if why := _no_density(representation):
        return scores + _nulls(OF_CODES, why) + _nulls(OF_PRIOR, joined(why, against))
    rows = np.sort(rng.permutation(len(representation.test))[:axis_points])
    return scores + _of_densities(representation, rows, against)


def active_units(mean: Array, threshold: float = 0.01) -> int:
    """The number of dimensions whose posterior mean moves with the input: Var_x(E[z_j|x]) > threshold.

    Burda et al., 2016 (threshold 0.01). Range 0..D; 0: a collapsed code; D: every unit is used. Noise
    means of unit variance count as active: the number says "used", not "useful". Depends on the scale of the code.
    """
    require_finite(mean)
    return int((mean.var(axis=0) > threshold).sum())


def _nulls(names: tuple[str, ...], why: str) -> list[Score]:
    return [Score(f"{name}{side}", None, unit="nats", reason=why) for name in names for side in ("", "_upper")]


def _of_densities(representation: Representation, rows: Labels, against: str) -> list[Score]:
    codes = representation.test
    found = densities(codes, representation.train.sample, rows)
    note = f"from N = {len(codes)} test points, {len(rows)} samples"
    cap = f"at most log N = {np.log(len(codes)):.3f} nats, "
    enclosing = partial(_enclosing, representation.drawn)
    scores = enclosing("mutual_information", found.mutual_information(), note, cap)
    scores += enclosing("total_correlation", found.total_correlation(), note)
    if against:
        return scores + _nulls(OF_PRIOR, against)
    log_p = log_posterior(codes.sample[rows], np.zeros(1), np.ones(1)).sum(axis=1)
    scores += enclosing("dimensionwise_kl", found.dimensionwise(log_p), f"against N(0, I), {note}")
    return scores + enclosing("marginal_kl", found.marginal(log_p), f"against N(0, I), {note}")


def _enclosing(view: str | None, name: str, bounds: Bounds, note: str, cap: str = "") -> list[Score]:
    """Lower bound (with its cap) and upper bound, with a standard error only where it is at least their distance."""
    low, n = max(0.0, float(bounds.low.mean())), len(bounds.low)
    high, error = max(low, float(bounds.high.mean())), float(bounds.low.std(ddof=1) / np.sqrt(n))
    stderr = error if n >= FEWEST and high - low <= error else None
    known = f"standard error only where {name}_upper is as near"
    blank = Score(name, low, stderr, unit="nats", representation=view, reason=f"lower bound, {cap}{note}; {known}")
    return [blank, replace(blank, name=f"{name}_upper", value=high, reason=f"upper bound, {note}")]


def _no_density(representation: Representation) -> str:
    few = "" if len(representation.test) > 1 else "one example alone says nothing of the aggregate posterior"
    return representation.test.no_density or few
