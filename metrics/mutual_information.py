"""Mutual information between single code axes (N, D) and factors (N, F): matrices (D, F) in nats, computed once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.aggregate import log_aggregate_axis
from metrics.core import Array, Representation
from metrics.declared import Matrix
from metrics.factors import Factor, Labels, quantile_edges, require_finite
from metrics.values import rounding

BINS = 20


MATRICES = (
    Matrix("mutual_information_hist", "mutual information\n20-bin histogram of means", "nats", 0, None),
    Matrix("mutual_information_hist_<B>", "mutual information\nhistogram of means, bins: <B>", "nats", 1, None),
    Matrix("mutual_information_quantile", "mutual information\nquantile bins of means", "nats", 2, None),
    Matrix("mutual_information_quantile_<B>", "mutual information\nquantile bins of means", "nats", 2, None),
    Matrix("mutual_information_density", "mutual information\ndensity of samples", "nats", 3, None),
    Matrix("mutual_information_density_<B>", "mutual information\ndensity of samples", "nats", 3, None),
)


def histogram_matrix(representation: Representation, factors: list[Factor], bins: int = BINS) -> Array:
    """The (D, F) matrix of the test means and factors, kept as mutual_information_hist (with `_<bins>` unless 20).

    `factors` are always the generative ones in the data set's order, so that one matrix serves every score.
    """
    name = "mutual_information_hist" + ("" if bins == BINS else f"_{bins}")
    classes = class_matrix(factors, bins)
    return representation.matrix(name, lambda: mutual_information_hist(representation.test.mean, classes, bins))


def quantile_matrix(representation: Representation, factors: list[Factor], bins: int = BINS) -> Array:
    """As histogram_matrix with quantile bins, kept as mutual_information_quantile."""
    name = "mutual_information_quantile" + ("" if bins == BINS else f"_{bins}")
    classes = class_matrix(factors, bins)
    return representation.matrix(name, lambda: mutual_information_quantile(representation.test.mean, classes, bins))


def density_matrix(representation: Representation, factors: list[Factor], bins: int, rows: Labels) -> Array:
    """The (D, F) matrix of the test posteriors and those factors, kept as mutual_information_density."""
    codes, classes = representation.test, class_matrix(factors, bins)
    return representation.matrix(
        "mutual_information_density" + ("" if bins == BINS else f"_{bins}"),
        lambda: mutual_information_density(*codes.diagonal(), classes, rows),
    )


def mutual_information_hist(codes: Array, factors: Labels, bins: int = BINS) -> Array:
    """Plug-in I(bin(z_j); v_k), codes (N, D) in equal-width bins between their extremes, factors (N, F) as classes.

    Locatello et al., 2019. Range 0..min(H(v_k), log bins); 0: constant or independent; independent codes
    score about (bins - 1)(K - 1) / 2N, not 0. One outlier shrinks an axis to a few bins: that is the definition.
    """
    require_finite(codes)
    return plug_in(np.column_stack([equal_width_bins(axis, bins) for axis in codes.T]), factors)


def mutual_information_quantile(codes: Array, factors: Labels, bins: int = BINS) -> Array:
    """Plug-in I(bin(z_j); v_k) with bins that hold equally many codes; values that tie share one.

    Range and bias as mutual_information_hist; an outlier changes no bin but its own.
    """
    require_finite(codes)
    return plug_in(np.column_stack([quantile_bins(axis, bins) for axis in codes.T]), factors)


def plug_in(binned: Labels, classes: Labels) -> Array:
    """Information (D, F) in nats between each column of one array of classes (N, D) and each of another (N, F)."""
    return np.array([[_plug_in(axis, column) for column in classes.T] for axis in binned.T])


def mutual_information_density(
    sample: Array, mean: Array, stddev: Array, factors: Labels, rows: Labels | None = None
) -> Array:
    """I(z_j; v_k) = H(z_j) - H(z_j|v_k) from the exact mixtures 1/N sum_n q(z_j|x_n) of all N and of each class.

    Chen et al., 2018; negative estimates are set to 0. sample, mean, stddev (N, D), factors (N, F); the
    expectation is over the samples in `rows` (all by default). Range 0..H(v_k); 0: the axis does not know the factor.
    Of the N points, not of a population: posteriors narrower than the gaps between points overstate it.
    """
    require_finite(sample, mean, stddev)
    rows = np.arange(len(sample)) if rows is None else rows
    return np.array([_axis_information(*axis, factors, rows) for axis in zip(sample.T, mean.T, stddev.T, strict=True)])


def class_matrix(factors: list[Factor], bins: int) -> Labels:
    """Test values of the factors as classes (N, F); continuous ones in quantile bins of the training part."""
    return np.column_stack([factor.classes(bins)[1] for factor in factors])


def equal_width_bins(values: Array, bins: int) -> Labels:
    """Bin 0..bins-1 of each value (N,) between the least and the greatest; all in bin 0 where they coincide.

    A value that reaches a bin's edge but for rounding is in it, so that equal values share one.
    """
    low, high, near = values.min(), values.max(), rounding(values)
    if high - low <= near.max():
        return np.zeros(len(values), dtype=np.int64)
    return np.minimum(((values - low + near) / (high - low) * bins).astype(np.int64), bins - 1)


def quantile_bins(values: Array, bins: int) -> Labels:
    """Bin of each value (N,) among at most `bins` that hold equally many."""
    return np.digitize(values, quantile_edges(values, bins))


def entropy(classes: Labels) -> float:
    """Plug-in entropy in nats of classes (N,): -sum_c f_c log f_c; range 0..log K."""
    return _entropy(np.bincount(classes))


def entropies(factors: Labels) -> Array:
    """Entropy (F,) of each column of classes (N, F)."""
    return np.array([entropy(factor) for factor in factors.T])


def _plug_in(first: Labels, second: Labels) -> float:
    joint = np.bincount(first * (second.max() + 1) + second)
    return max(0.0, entropy(first) + entropy(second) - _entropy(joint))


def _entropy(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _axis_information(sample: Array, mean: Array, stddev: Array, factors: Labels, rows: Labels) -> Array:
    marginal = log_aggregate_axis(sample[rows], mean, stddev)
    conditional = [_log_conditional(sample[rows], mean, stddev, factor, rows) for factor in factors.T]
    return np.maximum(0.0, [(part - marginal).mean() for part in conditional])


def _log_conditional(sample: Array, mean: Array, stddev: Array, factor: Labels, rows: Labels) -> Array:
    """Log-density (M,) of each sample under the mixture of the posteriors that share its class."""
    found = np.empty(len(rows))
    for value in np.unique(factor[rows]):
        inside, asked = factor == value, factor[rows] == value
        found[asked] = log_aggregate_axis(sample[asked], mean[inside], stddev[inside])
    return found
