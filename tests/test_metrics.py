"""Known answers and invariances of every metric that reads codes: a new metric is one line in ROWS."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from metrics.core import Codes, Representation, Score


def located(target):
    """The function of a dotted name."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


FOLDER = Path(__file__).parent.parent / "conf" / "metrics"
YAMLS = {path.stem: yaml.safe_load(path.read_text())[path.stem] for path in sorted(FOLDER.glob("*.yaml"))}
METRICS = {name: located(node["_target_"]) for name, node in YAMLS.items() if node["_target_"].startswith("metrics.")}
QUICK = {
    **METRICS,
    "linear_probe": partial(METRICS["linear_probe"], num_labels=(1000,)),
    "dci": partial(METRICS["dci"], rounds=20),
    "beta_vae_score": partial(METRICS["beta_vae_score"], num_train=2000, num_test=1000),
}
SIZES, N, STDDEV = (3, 4, 6, 5), 1200, 0.05
NAMES = ("a", "b", "c", "d")
Interval = tuple[float, float] | float | None

SAME = ("permuted", "flipped", "small", "large", "constant")


@dataclass(frozen=True)
class Row:
    """A score, what it is of each code (an interval, a number, or None for no value), and what leaves it unchanged."""

    metric: str
    score: str
    truth: Interval
    noise: Interval
    duplicated: Interval
    rotated: Interval
    outlier: Interval
    one_code: Interval
    one_factor: Interval
    invariant: tuple[str, ...] = SAME

    @property
    def tolerance(self) -> float:
        """How far an invariant score may move."""
        return TOLERANCE.get(self.metric, 1e-9)


MOST = ("permuted", "flipped", "large", "constant")  # not a scale against a threshold
TOLERANCE = {"linear_probe": 1e-3, "dci": 0.02, "beta_vae_score": 1e-3}  # of what fits by iterations; others 1e-9
FULL, CHANCE, KEPT, NATS, GAP = (0.99, 1), (0.2, 0.28), (5.6, 5.9), (1.4, 1.48), (0.24, 0.26)
# fmt: off
ROWS = (
    # selector, score: truth, noise, duplicated, rotated, outlier (1 in N), one_code, one_factor; invariant to
    Row("information", "active_units", 4, 4, 8, 4, 4, 1, 4, MOST),
    Row("information", "mutual_information", KEPT, (6.5, 7.09), KEPT, KEPT, KEPT, (1.08, 1.1), KEPT),
    Row("information", "total_correlation", (0, .3), (4, 6), (5.5, 6.5), (5, 7), (0, .3), 0, (0, .3)),
    Row("linear_probe", "linear_probe_accuracy", 1, CHANCE, 1, FULL, FULL, (.35, .45), 1),
    Row("linear_probe", "linear_probe_balanced_accuracy", 1, CHANCE, 1, FULL, FULL, (.35, .45), 1),
    Row("linear_probe", "linear_probe_nats", NATS, (-.03, .01), NATS, NATS, NATS, (.26, .275), (1.07, 1.1)),
    Row("mig", "mig_hist", FULL, (0, .01), 0, (.2, .35), (.74, .76), GAP, FULL),  # an outlier costs its axis
    Row("mig", "mig_density", FULL, (0, .01), (0, .01), (.2, .35), FULL, GAP, FULL),
    Row("dci", "dci_lightgbm_disentanglement", FULL, (0, .05), FULL, (.2, .6), FULL, 0, 1),
    Row("dci", "dci_lightgbm_completeness", FULL, (0, .05), FULL, (.2, .6), FULL, 1, FULL),
    Row("dci", "dci_lightgbm_informativeness", FULL, CHANCE, FULL, (.9, 1), FULL, (.35, .45), FULL),
    Row("beta_vae_score", "beta_vae_score", 1, (.2, .3), 1, (.9, 1), FULL, (.45, .55), None),
)
# fmt: on
CASES = ("truth", "noise", "duplicated", "rotated", "outlier", "one_code", "one_factor")


def true_codes(rng: np.random.Generator, n: int = N) -> Codes:
    """The standardised factors themselves as means, each axis blurred by a narrow posterior."""
    factors = np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(float)
    sizes = np.array(SIZES)
    mean = (factors - (sizes - 1) / 2) / np.sqrt((sizes**2 - 1) / 12)
    return with_means(Codes(mean, 0 * mean, mean, factors, NAMES, ("discrete",) * len(SIZES)), mean, rng)


def with_means(codes: Codes, mean: np.ndarray, rng: np.random.Generator) -> Codes:
    """Other means, a posterior of STDDEV around each, and a draw from it."""
    return replace(
        codes, mean=mean, stddev=np.full(mean.shape, STDDEV), sample=mean + STDDEV * rng.normal(size=mean.shape)
    )


def linear(codes: Codes, matrix: np.ndarray) -> Codes:
    """The code z @ matrix, with the spread of each axis scaled where the matrix is diagonal, permuting or repeating."""
    spread = codes.stddev @ np.abs(matrix)
    return replace(codes, mean=codes.mean @ matrix, stddev=spread, sample=codes.sample @ matrix)


def with_outlier(codes: Codes) -> Codes:
    """One example in all moved far away on the first axis."""
    shift = np.zeros_like(codes.mean)
    shift[0, 0] = 50.0
    return replace(codes, mean=codes.mean + shift, sample=codes.sample + shift)


def with_constant(codes: Codes) -> Codes:
    """One axis more that is always the same, as a collapsed unit is."""
    noise = np.random.default_rng(5).normal(size=(len(codes), 1))
    return replace(
        codes,
        mean=np.hstack([codes.mean, np.zeros((len(codes), 1))]),
        stddev=np.hstack([codes.stddev, np.ones((len(codes), 1))]),
        sample=np.hstack([codes.sample, noise]),
    )


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
        "constant": lambda: with_constant(codes),
    }
    return changes[case]()


def representation(case: str = "truth", n: int = N) -> Representation:
    """Train and test codes of a case, from the same generators every time."""
    parts = [np.random.default_rng(seed) for seed in (10, 11)]
    return Representation(*(change(true_codes(rng, n), case, rng) for rng in parts))


@cache
def scores(metric: str, case: str) -> tuple[Score, ...]:
    """All scores of a metric on a case, computed once for all tests."""
    return tuple(QUICK[metric](representation(case), np.random.default_rng(0)))


def score_of(row: Row, case: str) -> Score:
    """The mean over factors, of means before samples."""
    return next(score for score in scores(row.metric, case) if score.name == row.score and score.factor is None)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.score)
def test_known_answers(row, case):
    expected, score = getattr(row, case), score_of(row, case)
    if expected is None:
        assert score.value is None
        assert score.reason
        return
    low, high = expected if isinstance(expected, tuple) else (expected - 1e-9, expected + 1e-9)
    assert low <= score.value <= high


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.score)
def test_invariances(row, case):
    if case in row.invariant:
        assert score_of(row, case).value == pytest.approx(score_of(row, "truth").value, abs=row.tolerance)
    else:
        assert abs(score_of(row, case).value - score_of(row, "truth").value) > row.tolerance
