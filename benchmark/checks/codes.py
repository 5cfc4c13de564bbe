"""Codes of which it is known what they are: true factors, noise, and what leaves a code as good as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from metrics.core import Array, Codes, Representation

SIZES, N, STDDEV = (3, 4, 6, 5), 1200, 0.05
NAMES = ("a", "b", "c", "d")
BASE = {  # a change -> what it changes; single axes in other units, one example far out, noise in other units and far
    **dict.fromkeys(("permuted", "flipped", "small", "large", "constant", "shifted", "outlier"), "truth"),
    **dict.fromkeys(("one_axis", "noise_far"), "noise_axis"),
}
CHANGED = {"shifted": 1e-6, "outlier": 0.01, "noise_far": 0.01}  # rounding; an example of 1200, or a bin's edge


def true_codes(rng: np.random.Generator, n: int = N) -> Codes:
    """The standardised factors themselves as means, each axis blurred by a narrow posterior."""
    factors = np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(float)
    sizes = np.array(SIZES)
    mean = (factors - (sizes - 1) / 2) / np.sqrt((sizes**2 - 1) / 12)
    return with_means(Codes.points(mean, factors, NAMES, ("discrete",) * len(SIZES)), mean, rng)


def with_means(codes: Codes, mean: Array, rng: np.random.Generator) -> Codes:
    """Other means, a posterior of STDDEV around each, and a draw from it."""
    return gaussian(codes, mean, np.full(mean.shape, STDDEV), mean + STDDEV * rng.normal(size=mean.shape))


def gaussian(codes: Codes, mean: Array, stddev: Array, sample: Array) -> Codes:
    """Those posteriors beside the same factors."""
    return replace(codes, views={"mean": mean, "sample": sample}, stddev=stddev, density="diagonal")


def linear(codes: Codes, matrix: Array) -> Codes:
    """The code z @ matrix, with the spread of each axis scaled where the matrix is diagonal, permuting or repeating."""
    sample, mean, stddev = codes.diagonal()
    return gaussian(codes, mean @ matrix, stddev @ np.abs(matrix), sample @ matrix)


def moved(codes: Codes, shift: float | Array) -> Codes:
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
    assert codes.factors is not None
    return replace(codes, factors=codes.factors[:, :1], factor_names=NAMES[:1], factor_types=codes.factor_types[:1])


def change(codes: Codes, case: str, rng: np.random.Generator) -> Codes:
    """The true codes changed as the case says; one rotation for both parts."""
    eye, turn = np.eye(len(SIZES)), np.linalg.qr(np.random.default_rng(1).normal(size=(len(SIZES),) * 2))[0]
    changes: dict[str, Callable[[], Codes]] = {
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
    """Train and test codes of a case (N, D), from the same generators every time."""
    parts = [np.random.default_rng(seed) for seed in (10, 11)]
    train, test = (change(true_codes(rng, n), case, rng) for rng in parts)
    return Representation(train, test, "standard_normal")
