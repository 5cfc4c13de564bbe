"""Mutual information gap: does one code axis know a factor better than every other? Codes (N, D), factors (N, F)."""

from __future__ import annotations

import numpy as np

from metrics.core import Array, Codes, Representation, Score, joined
from metrics.declared import INFORMATION, Declared
from metrics.factors import Labels, constant_score, factor_rows, generative_factors, varying_mask
from metrics.mutual_information import (
    class_matrix,
    density_matrix,
    entropies,
    histogram_matrix,
    mutual_information_density,
    mutual_information_hist,
    mutual_information_quantile,
    quantile_matrix,
)
from metrics.options import Count, Several

SHUFFLED = 0.1  # of a shuffled factor's entropy: what an axis may seem to know of it
NARROW = "posteriors too narrow for N: shuffled factors seem known too, and the gap is too small"


READING = "0..1; 1: one axis alone knows each factor; 0: chance, or two axes alike"
SCORES = (
    Declared("mig_hist", "MIG", "gap between the two codes that know most about each factor", READING,
             topic=INFORMATION, column=1, drawn=True, related=30, sorts=5, changed_by=("outlier",)),
    Declared("mig_quantile", "MIG, quantile bins", "as MIG, and one outlier cannot ruin it", READING,
             topic=INFORMATION, column=2),
    Declared("mig_density", "MIG, density", "as MIG, of the noisy code by its aggregate posterior", READING,
             topic=INFORMATION, column=3),
)  # fmt: skip


def mig(
    representation: Representation,
    rng: np.random.Generator,
    *,
    bins: Several = 20,
    density_points: Count = 1000,
) -> list[Score]:
    """Mutual information gap on test, with information by three estimators: two histograms of the means, one density.

    Each is a mean over the generative factors beside a row per factor; range 0..1, 1: one axis alone knows each factor
    entirely, 0: the two best axes know as much. Noise scores near 0. See mig_hist (the one in use elsewhere),
    mig_quantile (robust to outliers) and mig_density (of the noisy code). Posteriors narrower than the gaps between N
    points let every axis seem to know every factor, which narrows the gap; the row of mig_density says so where a
    shuffled factor seems known by a tenth.
    """
    factors = generative_factors(representation, "mig", bins)
    varies, kept = varying_mask(factors), [factor for factor in factors if factor.varies]
    entropy = entropies(class_matrix(factors, bins)[:, varies])
    names = ("mig_hist", "mig_quantile", "mig_density")
    scores = [constant_score(name, factor) for factor in factors if not factor.varies for name in names]
    for name, matrix, how in (
        ("mig_hist", histogram_matrix(representation, factors, bins), "equal-width"),
        ("mig_quantile", quantile_matrix(representation, factors, bins), "quantile"),
    ):
        blank = Score(name, None, None, "score", "higher", representation.point)
        scores += factor_rows(blank, kept, gaps(matrix[:, varies], entropy), f"{bins} {how} bins of the means")
    rows = np.sort(rng.permutation(len(representation.test))[:density_points])
    if why := representation.test.no_density:
        return [*scores, Score("mig_density", None, unit="score", reason=why)]
    matrix = density_matrix(representation, factors, bins, rows)
    narrow = _known_of_shuffled(representation.test, class_matrix(kept, bins), rng) > SHUFFLED
    note = joined(f"aggregate of N = {len(representation.test)} test points, {len(rows)} samples", NARROW * narrow)
    blank = Score("mig_density", None, None, "score", "higher", representation.drawn)
    return scores + factor_rows(blank, kept, gaps(matrix[:, varies], entropy), note)


def _known_of_shuffled(codes: Codes, classes: Labels, rng: np.random.Generator) -> float:
    """Share of H(v), mean over axes and factors, that axes seem to know where they know nothing: from 200 points."""
    shuffled, rows = rng.permutation(classes), np.sort(rng.permutation(len(codes))[:200])
    information = mutual_information_density(*codes.diagonal(), shuffled, rows)
    return float((information / entropies(classes)).mean())


def mig_hist(codes: Array, factors: Labels, bins: int = 20) -> float:
    """Mutual information gap, mean_k (I(z_1st; v_k) - I(z_2nd; v_k)) / H(v_k), information by histogram of the codes.

    Chen et al., 2018; estimator of Locatello et al., 2019. codes (N, D), factors (N, F) as classes 0..K-1. Range 0..1;
    the true factors as codes reach 1 only where no value shares a bin with another; noise is near 0. A single axis
    competes with an empty second. Invariant to permutation, sign, and any scale and shift of an axis; one outlier
    ruins its axis.
    """
    return float(gaps(mutual_information_hist(codes, factors, bins), entropies(factors)).mean())


def mig_quantile(codes: Array, factors: Labels, bins: int = 20) -> float:
    """Mutual information gap as mig_hist, with bins that hold equally many codes, so that an outlier moves none.

    Chen et al., 2018. Range, 1 and chance as mig_hist. Invariant to permutation and to any increasing map of an axis;
    a change of sign moves only values that lie on an edge.
    """
    return float(gaps(mutual_information_quantile(codes, factors, bins), entropies(factors)).mean())


def mig_density(sample: Array, mean: Array, stddev: Array, factors: Labels) -> float:
    """Mutual information gap with information from the exact aggregate posterior, sample, mean, stddev (N, D).

    Chen et al., 2018. Range, chance and invariances as mig_hist, without bins and robust to outliers; it measures what
    the noisy code keeps, so wide posteriors lower it.
    """
    return float(gaps(mutual_information_density(sample, mean, stddev, factors), entropies(factors)).mean())


def gaps(information: Array, entropy: Array) -> Array:
    """Normalised gap (F,) between the two greatest entries in each column of a (D, F) matrix; the second of one is 0.

    (I_1st - I_2nd) / H(v_k), H (F,) in the matrix's units and above 0.
    """
    padded = np.sort(np.vstack([np.zeros_like(entropy), information]), axis=0)
    return (padded[-1] - padded[-2]) / entropy
