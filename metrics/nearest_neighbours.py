"""Mutual information in nats between continuous code axes (N, D) and classes (N, F) by nearest neighbours, no bins."""

from __future__ import annotations

import numpy as np

from metrics.core import Array
from metrics.declared import Matrix
from metrics.factors import Labels, require_finite
from metrics.values import rounding

_MARGIN = 1e-9  # of a distance: so that rounding decides of no neighbour on the rim


MATRICES = (Matrix("mutual_information_nearest", "mutual information\nnearest neighbours of means", "nats", 4, None),)


def mutual_information_nearest(codes: Array, factors: Labels, neighbours: int = 10) -> Array:
    """I(z_j; v_k) (D, F) from the k-th nearest neighbour of each example on the axis among those of its class.

    psi(N) + mean psi(k_n) - mean psi(N_class(n)) - mean psi(m_n): within the distance to the k-th neighbour of example
    n lie k_n others of its class and m_n others of any (Ross, 2014). Without ties k_n = k; counting the ties instead
    of breaking them at random makes it exact for codes that are themselves discrete; values that differ by rounding
    alone are ties (metrics.values). Classes of one example are left out, negative values set to 0. Range
    0..H(v_k) up to the noise of the estimate. Invariant to scale and sign.
    """
    require_finite(codes)
    found = [_information(axis, classes, neighbours) for axis in codes.T for classes in factors.T]
    return np.array(found).reshape(codes.shape[1], factors.shape[1])


def _information(axis: Array, classes: Labels, neighbours: int) -> float:
    from scipy.special import digamma

    order = np.argsort(axis, kind="stable")
    axis, classes, near = axis[order], classes[order], rounding(axis)[order]
    grouped = np.argsort(classes, kind="stable")  # within a class the axis stays sorted
    by_class = (np.split(each[grouped], np.cumsum(np.bincount(classes))[:-1]) for each in (axis, near))
    parts = [(part, least) for part, least in zip(*by_class, strict=True) if len(part) > 1]
    if not parts:
        return 0.0
    kept = np.sort(np.concatenate([part for part, _ in parts]))
    total = 0.0
    for part, least in parts:
        radius = np.maximum(_radius(part, min(neighbours, len(part) - 1)), least)
        inside, among = _others(part, part, radius), _others(kept, part, radius)
        total += float((digamma(inside) - digamma(among) - digamma(len(part))).sum())
    return max(0.0, float(digamma(len(kept))) + total / len(kept))


def _radius(part: Array, k: int) -> Array:
    """Distance of each entry of a sorted array to its k-th nearest other: the narrowest window of k + 1 around it."""
    width = part[k:] - part[:-k]  # of the windows that start at 0..n-k-1
    n, radius = len(part), np.full(len(part), np.inf)
    for left in range(k + 1):  # entries of the window to the left of its centre
        centre = slice(left, left + len(width))
        reach = np.maximum(part[centre] - part[: n - k], part[k:] - part[centre])
        radius[centre] = np.minimum(radius[centre], reach)
    return radius * (1 + _MARGIN)


def _others(among: Array, centre: Array, radius: Array) -> Labels:
    """How many entries of a sorted array lie within the radius of each centre, itself not counted."""
    right = np.searchsorted(among, centre + radius, side="right")
    return np.asarray(right - np.searchsorted(among, centre - radius, side="left") - 1, dtype=np.int64)
