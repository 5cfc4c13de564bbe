"""The aggregate posterior q(z) = 1/N sum_n q(z|x_n) of N diagonal Gaussians (N, D): exact log-densities in nats."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from metrics.core import Array

_CHUNK = 1 << 17  # pairs of examples at a time: 1 MB, so that a chunk stays in the cache
_SAFE_SPAN = 1e4  # (z / s)^2 beyond 1e8 would lose more than 1e-8 nats to cancellation in the expanded square


def log_posterior(sample: Array, mean: Array, stddev: Array) -> Array:
    """Log-density (N, D) of each sample under its own posterior: log N(z_nj; mean_nj, stddev_nj^2)."""
    return -0.5 * ((sample - mean) / stddev) ** 2 - np.log(stddev) - 0.5 * np.log(2 * np.pi)


def log_aggregate(sample: Array, mean: Array, stddev: Array) -> Array:
    """Joint log-density (M,) of samples (M, D) under the mixture of all N posteriors, log 1/N sum_n q(z|x_n)."""
    parts = [_log_sum_exp(block) for block in _log_pairs(sample, mean, stddev)]
    return np.concatenate(parts) - np.log(len(mean))


def log_others(sample: Array, mean: Array, stddev: Array, own: NDArray[np.int64]) -> Array:
    """Log-density (M,) of the mixture of the N - 1 >= 1 posteriors that are not each sample's `own` (M,).

    A sample of q(z|x_own) knows nothing of the others, so this density at it is that of the population on average:
    E q_others(z) = q(z), and E log q_others(z) <= E log q(z). `with_own` gives the mixture of all N.
    """
    parts, start = [], 0
    for block in _log_pairs(sample, mean, stddev):
        block[np.arange(len(block)), own[start : start + len(block)]] = -np.inf
        parts.append(_log_sum_exp(block))
        start += len(block)
    return np.concatenate(parts) - np.log(len(mean) - 1)


def with_own(others: Array, own: Array, components: int) -> Array:
    """Log-density of the mixture of all N components, from that of the others and that of the sample's own."""
    return np.logaddexp(others + np.log(components - 1), own) - np.log(components)


def log_aggregate_axis(sample: Array, mean: Array, stddev: Array) -> Array:
    """Log-density (M,) of one axis: samples (M,) under the mixture of N one-dimensional posteriors."""
    return log_aggregate(sample[:, None], mean[:, None], stddev[:, None])


def _log_pairs(sample: Array, mean: Array, stddev: Array) -> Iterator[Array]:
    """Blocks (m, N) of log q(z|x_n); the square is expanded into a matrix product wherever that is precise enough."""
    centre, scale = mean.mean(axis=0), stddev.min(axis=0)
    z, mu = (sample - centre) / scale, (mean - centre) / scale
    s = stddev / scale
    expand = np.maximum(np.abs(z).max(axis=0), np.abs(mu).max(axis=0)) < _SAFE_SPAN
    left = np.hstack([z[:, expand] ** 2, z[:, expand]])
    right = np.hstack([-0.5 / s[:, expand] ** 2, mu[:, expand] / s[:, expand] ** 2])
    offset = -0.5 * (mu[:, expand] / s[:, expand]) ** 2
    constant = offset.sum(axis=1) - np.log(stddev).sum(axis=1) - 0.5 * mean.shape[1] * np.log(2 * np.pi)
    for rows in _chunks(len(sample), len(mean)):
        block = left[rows] @ right.T + constant
        for axis in np.flatnonzero(~expand):
            block -= 0.5 * ((sample[rows, axis, None] - mean[:, axis]) / stddev[:, axis]) ** 2
        yield block


def _log_sum_exp(block: Array) -> Array:
    """Over columns, in place: scipy's own is three times slower, and exp five times slower where it underflows."""
    top = block.max(axis=1)
    block -= top[:, None]
    np.maximum(block, -700.0, out=block)
    return np.log(np.exp(block, out=block).sum(axis=1)) + top


def _chunks(examples: int, components: int) -> Iterator[slice]:
    size = max(1, _CHUNK // components)
    for start in range(0, examples, size):
        yield slice(start, start + size)
