"""Seconds per metric on one thread, apart from the tests: `python tests/bench_metrics.py [examples] [dimensions]`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from metrics import Codes, Representation

SIZES = (3, 4, 15, 14, 14)


def sprites_like(n: int, dimensions: int, seed: int = 0) -> Representation:
    """Factors of five sizes, standardised, turned into the code space and blurred by posteriors of unequal width."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0][: len(SIZES)]
    return Representation(_codes(n, turn, rng), _codes(n, turn, rng))


def _codes(n: int, turn: np.ndarray, rng: np.random.Generator) -> Codes:
    factors = np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(np.float64)
    mean = (factors - factors.mean(axis=0)) / factors.std(axis=0) @ turn
    stddev = rng.uniform(0.1, 0.5, mean.shape)
    names = ("shape", "scale", "orientation", "x", "y")
    types = ("discrete", "discrete", "circular", "discrete", "discrete")
    return Codes(mean, stddev, mean + stddev * rng.normal(size=mean.shape), factors, names, types)


def main(n: int = 6000, dimensions: int = 10) -> None:
    """Print the CPU seconds of each metric with its default options, imports done beforehand."""
    from test_metrics import METRICS

    for name, metric in METRICS.items():
        metric(sprites_like(50, dimensions), np.random.default_rng(0))
        representation, start = sprites_like(n, dimensions), time.process_time()
        metric(representation, np.random.default_rng(0))
        print(f"{name:16} {time.process_time() - start:6.2f} s")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
