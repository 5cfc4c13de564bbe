"""Mutual information gap: does one code axis know a factor better than every other? Codes (N, D), factors (N, F)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Representation, Score, Which
from metrics.factors import Factor, Labels, constant_score, generative_factors
from metrics.mutual_information import (
    class_matrix,
    density_matrix,
    entropies,
    histogram_matrix,
    mutual_information_density,
    mutual_information_hist,
)
from metrics.options import Count, Several


def mig(
    representation: Representation,
    rng: np.random.Generator,
    *,
    bins: Several = 20,
    density_points: Count = 1000,
) -> list[Score]:
    """Mutual information gap by histogram of the means and by density of the aggregate posterior, on test.

    Each is a mean over the generative factors beside a row per factor; range 0..1, 1: one axis alone knows each factor
    entirely, 0: the two best axes know as much. Noise scores near 0. See mig_hist and mig_density.
    """
    factors = generative_factors(representation, "mig")
    constant = [factor for factor in factors if not factor.varies]
    scores = [constant_score(name, factor) for factor in constant for name in ("mig_hist", "mig_density")]
    matrix = histogram_matrix(representation, factors, bins)
    scores += _rows("mig_hist", matrix, factors, bins, "mean", f"{bins} equal-width bins of the means")
    rows = np.sort(rng.permutation(len(representation.test))[:density_points])
    if representation.deterministic or not (representation.test.stddev > 0).all():
        return [*scores, Score("mig_density", None, unit="score", reason="a point code has no density q(z|x)")]
    matrix = density_matrix(representation, factors, bins, rows)
    note = f"aggregate of N = {len(representation.test)} test points, {len(rows)} samples"
    return scores + _rows("mig_density", matrix, factors, bins, "sample", note)


def mig_hist(codes: Array, factors: Labels, bins: int = 20) -> float:
    """Mutual information gap, mean_k (I(z_1st; v_k) - I(z_2nd; v_k)) / H(v_k), information by histogram of the codes.

    Chen et al., 2018, eq. 6; estimator of Locatello et al., 2019, appendix B. codes (N, D), factors (N, F) as classes
    0..K-1. Range 0..1; the true factors as codes reach 1 only where no value shares a bin with another; noise is
    near 0. A single axis competes with an empty second. Invariant to permutation, sign, and any scale and shift of
    an axis; one outlier ruins its axis.
    """
    return float(gaps(mutual_information_hist(codes, factors, bins), entropies(factors)).mean())


def mig_density(sample: Array, mean: Array, stddev: Array, factors: Labels) -> float:
    """Mutual information gap with information from the exact aggregate posterior, sample, mean, stddev (N, D).

    Chen et al., 2018, eq. 6 and appendix C.2. Range, chance and invariances as mig_hist, without bins and robust to
    outliers; it measures what the noisy code keeps, so wide posteriors lower it.
    """
    return float(gaps(mutual_information_density(sample, mean, stddev, factors), entropies(factors)).mean())


def gaps(information: Array, entropy: Array) -> Array:
    """Normalised gap (F,) between the two greatest entries in each column of a (D, F) matrix; the second of one is 0.

    (I_1st - I_2nd) / H(v_k), H (F,) in the matrix's units and above 0.
    """
    padded = np.sort(np.vstack([np.zeros_like(entropy), information]), axis=0)
    return (padded[-1] - padded[-2]) / entropy


def _rows(name: str, matrix: Array, factors: list[Factor], bins: int, which: Which, note: str) -> list[Score]:
    varies = np.array([factor.varies for factor in factors])
    gap = gaps(matrix[:, varies], entropies(class_matrix(factors, bins)[:, varies]))
    names = [factor.name for factor in factors if factor.varies]
    values = [*zip(names, gap, strict=True), (None, gap.mean())]
    return [
        Score(name, float(value), None, "score", "higher", which, factor=factor, reason="" if factor else note)
        for factor, value in values
    ]
