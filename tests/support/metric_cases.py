"""Codes whose scores are known, and every metric that reads codes, with options small enough for tests."""

from __future__ import annotations

import importlib
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import yaml

from metrics.core import Codes, Representation, Score


def located(target):
    """The function of a dotted name."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


FOLDER = Path(__file__).parents[2] / "conf" / "metrics"
YAMLS = {path.stem: yaml.safe_load(path.read_text())[path.stem] for path in sorted(FOLDER.glob("*.yaml"))}
METRICS = {name: located(node["_target_"]) for name, node in YAMLS.items() if node["_target_"].startswith("metrics.")}
QUICK = {
    **METRICS,
    "linear_probe": partial(METRICS["linear_probe"], num_labels=(1000,)),
    "dci": partial(METRICS["dci"], rounds=20),
    "dci_lasso": partial(METRICS["dci"], estimator="lasso"),
    "beta_vae_score": partial(METRICS["beta_vae_score"], num_train=2000, num_test=1000),
    "factor_vae_score": partial(METRICS["factor_vae_score"], num_train=2000, num_test=1000),
}


def located_in(metric: str) -> str:
    """The module of a metric."""
    return METRICS[metric.replace("dci_lasso", "dci")].__module__


PROBES = ("boosted_probe", "knn_probe", "linear_probe", "mlp_probe")
UNSUPERVISED = ("information", "unsupervised")
SUPERVISED = tuple(name for name in METRICS if name not in UNSUPERVISED)
SIZES, N, STDDEV = (3, 4, 6, 5), 1200, 0.05
NAMES = ("a", "b", "c", "d")


def true_codes(rng: np.random.Generator, n: int = N) -> Codes:
    """The standardised factors themselves as means, each axis blurred by a narrow posterior."""
    factors = np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(float)
    sizes = np.array(SIZES)
    mean = (factors - (sizes - 1) / 2) / np.sqrt((sizes**2 - 1) / 12)
    return with_means(Codes.points(mean, factors, NAMES, ("discrete",) * len(SIZES)), mean, rng)


def with_means(codes: Codes, mean: np.ndarray, rng: np.random.Generator) -> Codes:
    """Other means, a posterior of STDDEV around each, and a draw from it."""
    return gaussian(codes, mean, np.full(mean.shape, STDDEV), mean + STDDEV * rng.normal(size=mean.shape))


def gaussian(codes: Codes, mean: np.ndarray, stddev: np.ndarray, sample: np.ndarray) -> Codes:
    """Those posteriors beside the same factors."""
    return replace(codes, views={"mean": mean, "sample": sample}, stddev=stddev, density="diagonal")


def linear(codes: Codes, matrix: np.ndarray) -> Codes:
    """The code z @ matrix, with the spread of each axis scaled where the matrix is diagonal, permuting or repeating."""
    sample, mean, stddev = codes.diagonal()
    return gaussian(codes, mean @ matrix, stddev @ np.abs(matrix), sample @ matrix)


def moved(codes: Codes, shift: float | np.ndarray) -> Codes:
    """Means and samples, moved."""
    return replace(codes, views={name: view + shift for name, view in codes.views.items()})


def with_outlier(codes: Codes, axis: int = 0, shift: float = 1e6) -> Codes:
    """One example in all moved far away on one axis."""
    where = np.zeros_like(codes.mean)
    where[0, axis] = shift
    return moved(codes, where)


def with_noise(codes: Codes) -> Codes:
    """Means that are exact no more, and one axis that knows nothing."""
    noise = np.random.default_rng(6).normal(size=(len(codes), 1))
    return with_means(codes, np.hstack([codes.views["sample"], noise]), np.random.default_rng(7))


def with_constant(codes: Codes) -> Codes:
    """One axis more that is always the same, as a collapsed unit is."""
    noise = np.random.default_rng(5).normal(size=(len(codes), 1))
    sample, mean, stddev = codes.diagonal()
    zeros, ones = np.zeros((len(codes), 1)), np.ones((len(codes), 1))
    return gaussian(codes, np.hstack([mean, zeros]), np.hstack([stddev, ones]), np.hstack([sample, noise]))


def one_factor(codes: Codes) -> Codes:
    """Only the first factor is known."""
    return replace(codes, factors=codes.factors[:, :1], factor_names=NAMES[:1], factor_types=codes.factor_types[:1])


def change(codes: Codes, case: str, rng: np.random.Generator) -> Codes:
    """The true codes changed as the case says; one rotation for both parts."""
    eye, turn = np.eye(len(SIZES)), np.linalg.qr(np.random.default_rng(1).normal(size=(len(SIZES),) * 2))[0]
    changes = {
        "truth": lambda: codes,
        "noise": lambda: with_means(codes, rng.normal(size=codes.mean.shape), rng),
        "duplicated": lambda: with_means(codes, np.hstack([codes.mean, codes.mean]), rng),
        "rotated": lambda: with_means(codes, codes.mean @ turn, rng),
        "outlier": lambda: with_outlier(codes),
        "one_code": lambda: linear(codes, eye[:, :1]),
        "one_factor": lambda: one_factor(codes),
        "permuted": lambda: linear(codes, eye[:, [2, 0, 3, 1]]),
        "flipped": lambda: linear(codes, np.diag([-1.0, 1, -1, 1])),
        "small": lambda: linear(codes, 0.01 * eye),
        "large": lambda: linear(codes, 100 * eye),
        "shifted": lambda: moved(codes, 1e6),
        "one_axis": lambda: linear(with_noise(codes), np.diag([1000.0, 1, 0.001, 1, 1])),
        "constant": lambda: with_constant(codes),
        "noise_axis": lambda: with_noise(codes),
        "noise_far": lambda: with_outlier(linear(with_noise(codes), np.diag([1.0, 1, 1, 1, 1000])), 4, 1e9),
    }
    return changes[case]()


def representation(case: str = "truth", n: int = N) -> Representation:
    """Train and test codes of a case, from the same generators every time."""
    parts = [np.random.default_rng(seed) for seed in (10, 11)]
    train, test = (change(true_codes(rng, n), case, rng) for rng in parts)
    return Representation(train, test, "standard_normal")


@cache
def scores(metric: str, case: str) -> tuple[Score, ...]:
    """All scores of a metric on a case, computed once for all tests."""
    return tuple(QUICK[metric](representation(case), np.random.default_rng(0)))
