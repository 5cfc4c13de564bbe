"""The toy of Alemi et al. (2018): x is one of 30 bins, made by one of two hidden states; one-hot vectors (30,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmark.datasets.core import SPLITS, WHOLE, Dataset, Paths
from benchmark.datasets.splits import Size, entropy

BINS = 30
WEIGHTS, MEANS = (0.3, 0.7), (0.25, 0.75)
STDDEV = 0.1499911825  # with it I(x; z) = 0.5 nats, H(x) = 3.2989182997


def alemi_toy(paths: Paths, *, num_examples: Size = 5000) -> Dataset:
    """z ~ Ber(0.7), h|z ~ N(0.25 or 0.75, 0.15^2), x = the bin of h among 30 of [0, 1], tails in the end bins.

    The form is that of Alemi et al. (2018, section 4.1).

    I(x; z) = 0.5 nats, H(x) = 3.29892: the paper states no mean and no deviation, these have its information. Every
    pair (x, z) stands num_examples times its probability in the data, to the nearest example (5,000: H is off by 3e-5,
    I by 6e-5), and all splits are the whole: an experiment on exact sums, with nothing held out.
    """
    counts = _rounded(joint() * num_examples, num_examples)
    z, x = np.repeat(np.argwhere(counts >= 0), counts.ravel(), axis=0).T
    rows = np.random.default_rng(0).permutation(num_examples)  # whatever looks at the first ones sees all kinds
    return Dataset(
        name="alemi_toy",
        images=np.packbits(np.eye(BINS, dtype=np.uint8)[x], axis=1),
        shape=(BINS,),
        storage="bits",
        binarisation="static",
        splits=dict.fromkeys(SPLITS, rows),
        factors=z[:, None].astype(np.float64),
        factor_names=("state",),
        factor_types=("discrete",),
        source="generated",
        exact={"entropy": entropy(x)},
        protocol=WHOLE,
    )


def joint() -> NDArray[np.float64]:
    """P(z, x), (2, 30)."""
    edges = np.linspace(0, 1, BINS + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    shares = [w * np.diff(norm.cdf(edges, m, STDDEV)) for w, m in zip(WEIGHTS, MEANS, strict=True)]
    return np.stack(shares)


def _rounded(wanted: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers that sum to the total, by largest remainders."""
    counts = np.floor(wanted).astype(np.int64)
    left = np.argsort(-(wanted - counts), axis=None, kind="stable")[: total - counts.sum()]
    counts.ravel()[left] += 1
    return counts
