"""CPU seconds per metric on one thread, apart from the tests: `python -m tests.bench.metrics [dimensions]`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")


import numpy as np

from metrics import Codes, Representation

SPRITES, DSPRITES = (3, 4, 15, 14, 14), (3, 6, 39, 32, 32)
OLD = ("information", "linear_probe", "mig", "dci", "beta_vae_score")  # before the others came
APART = ("linear_probe", "knn_probe", "mlp_probe", "boosted_probe", "dci_es")  # no scores of disentanglement, or slow


def sprites_like(
    n: int, dimensions: int, seed: int = 0, test: int | None = None, sizes: tuple[int, ...] = SPRITES
) -> Representation:
    """Factors of five sizes, standardised, turned into the code space and blurred by posteriors of unequal width."""
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0][: len(sizes)]
    return Representation(*(_codes(number, turn, sizes, rng) for number in (n, test or n)))


def _codes(n: int, turn: np.ndarray, sizes: tuple[int, ...], rng: np.random.Generator) -> Codes:
    factors = np.column_stack([rng.integers(0, size, n) for size in sizes]).astype(np.float64)
    mean = (factors - factors.mean(axis=0)) / factors.std(axis=0) @ turn
    stddev = rng.uniform(0.1, 0.5, mean.shape)
    names = ("shape", "scale", "orientation", "x", "y")
    types = ("discrete", "discrete", "circular", "discrete", "discrete")
    return Codes.gaussians(mean, stddev, mean + stddev * rng.normal(size=mean.shape), factors, names, types)


def seconds(metric: Callable, representation: Representation) -> float:
    """CPU seconds of a metric with its default options; nothing is shared with other metrics."""
    start = time.process_time()
    metric(replace(representation, matrices={}), np.random.default_rng(0))
    return time.process_time() - start


def probing(dimensions: int) -> str:
    """A line on one full linear probing: mean and sample, every budget and draw of labels, as many test examples."""
    from metrics.probes import linear_probe

    data = sprites_like(10000, dimensions, test=10000, sizes=DSPRITES)
    start, taken = time.perf_counter(), seconds(linear_probe, data)
    threads = os.environ["OMP_NUM_THREADS"]
    return (
        f"one full linear probing, {dimensions} dimensions, 10,000 / 10,000: {taken:.1f} CPU seconds, "
        f"{time.perf_counter() - start:.1f} elapsed, threads: {threads}"
    )


def main(dimensions: int = 10) -> None:
    """Print a table of metrics on codes like those of sprites (3000 / 3000) and dSprites (10,000 / 5000)."""
    from tests.support.metric_cases import METRICS

    data = [sprites_like(3000, dimensions), sprites_like(10000, dimensions, test=5000, sizes=DSPRITES)]
    table = {}
    print(f"{'':22} sprites  dSprites")
    for name, metric in METRICS.items():
        metric(sprites_like(50, dimensions), np.random.default_rng(0))  # imports
        table[name] = [seconds(metric, representation) for representation in data]
        print(f"{name:22} {table[name][0]:7.2f}  {table[name][1]:8.2f}", flush=True)
    print(probing(dimensions))
    groups = {
        "all": set(table),
        "all but the oldest five": set(table) - set(OLD),
        "without probes, dci_es": set(table) - set(APART),
    }
    for name, members in groups.items():
        total = np.sum([table[member] for member in members], axis=0)
        print(f"{name:22} {total[0]:7.2f}  {total[1]:8.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
