"""Quality of predictions as one value per test example (N,), whose mean is the score and whose spread is its error.

Where a score is no plain average (balanced accuracy, R2, a ratio) the values are its linearisation: the score plus each
example's influence upon it. So a mean over factors and its standard error are those of the averaged values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from metrics.core import Array
from metrics.factors import Labels

BLOCKS, BLOCK = 10, 100  # at most so many, of at least so many examples


def accuracy(predicted: Labels, true: Labels) -> Array:
    """1 where the prediction (N,) is right, else 0; 0..1, 1: all right; chance: the majority class (no usable zero)."""
    return (predicted == true).astype(np.float64)


def balanced_accuracy(predicted: Labels, true: Labels) -> Array:
    """Mean over the K true classes of the accuracy within each; 0..1, 1: all right; chance 1/K (no usable zero)."""
    right, count = (predicted == true).astype(np.float64), np.bincount(true)
    within = np.bincount(true, right) / np.maximum(count, 1)
    classes = np.count_nonzero(count)
    weight = len(true) / (classes * count[true])
    return within.sum() / classes + weight * (right - within[true])


def information(log_probability: Array, true: Labels) -> Array:
    """Information in nats that predictions hold about the class: H(Y) - cross-entropy, both on the test examples.

    log_probability (N, K) are normalised log-probabilities, H(Y) the entropy of the test labels' frequencies. Range
    from minus infinity to H(Y); 0: as good as knowing the frequencies; H(Y): certainty; below 0: overconfident. A lower
    bound of I(Y; Z) in expectation (Barber and Agakov, 2003).
    """
    frequency = np.bincount(true) / len(true)
    return log_probability[np.arange(len(true)), true] - np.log(frequency[true])


def r2(predicted: Array, true: Array) -> Array:
    """1 - squared error / squared deviation from the test mean, columns (N, T) pooled; range to 1, 0: the mean."""
    error = ((predicted - true) ** 2).sum(axis=1)
    deviation = ((true - true.mean(axis=0)) ** 2).sum(axis=1)
    ratio = error.sum() / deviation.sum()
    return 1 - ratio - (error - ratio * deviation) / deviation.mean()


def ratio(above: Array, below: Array) -> Array:
    """The ratio of the means of two qualities (N,) of the same examples, where the lower one is not 0."""
    value = above.mean() / below.mean()
    return np.asarray(value + (above - value * below) / below.mean())


def mean_and_error(values: Array) -> tuple[float, float | None]:
    """Mean and standard error over examples; no error from a single one."""
    n = len(values)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else None


def error_over_blocks(
    score: Callable[[Labels, int], float], number: int, rng: np.random.Generator
) -> tuple[float | None, str]:
    """Standard error over examples of a score that is no mean over them, and in words what it is over.

    The s.d. of `score(rows, blocks)` over up to BLOCKS disjoint random blocks of `number` examples / sqrt(blocks): what
    resampling within one set of examples, however often, cannot know. None where blocks would be smaller than BLOCK.
    """
    blocks = min(BLOCKS, number // BLOCK)
    if blocks < 2:
        return None, f"no standard error from fewer than {2 * BLOCK} examples"
    parts = np.array_split(rng.permutation(number), blocks)
    values = np.array([score(np.sort(rows), blocks) for rows in parts])
    return float(values.std(ddof=1) / np.sqrt(blocks)), f"standard error over {blocks} blocks of test examples"
