"""Known answers and invariances of every metric that reads codes: a new metric is one line in ROWS (and in METRICS)."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from metrics.core import Codes, Inapplicable, Representation, Score
from metrics.dci import dci
from metrics.information import information
from metrics.interventional import beta_vae_score
from metrics.mig import mig
from metrics.probes import linear_probe

METRICS = {
    "information": information,
    "linear_probe": linear_probe,
    "mig": mig,
    "dci": dci,
    "beta_vae_score": beta_vae_score,
}
QUICK = {
    **METRICS,
    "linear_probe": partial(linear_probe, num_labels=(1000,)),
    "dci": partial(dci, rounds=20),
    "beta_vae_score": partial(beta_vae_score, num_train=2000, num_test=1000),
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
    tolerance: float = 1e-9


MOST = ("permuted", "flipped", "large", "constant")  # not a scale against a threshold
# fmt: off
ROWS = (
    # selector, score: truth, noise, duplicated, rotated, outlier (1 in 1200), one_code, one_factor; invariant to, within
    Row("information", "active_units", 4, 4, 8, 4, 4, 1, 4, MOST),
    Row("information", "mutual_information", (5.6, 5.9), (6.5, 7.09), (5.6, 5.9), (5.6, 5.9), (5.6, 5.9), (1.08, 1.1), (5.6, 5.9)),
    Row("information", "total_correlation", (0, .3), (4, 6), (5.5, 6.5), (5, 7), (0, .3), 0, (0, .3)),
    Row("linear_probe", "linear_probe_accuracy", 1, (.2, .28), 1, (.99, 1), (.99, 1), (.35, .45), 1, tolerance=1e-3),
    Row("linear_probe", "linear_probe_balanced_accuracy", 1, (.2, .28), 1, (.99, 1), (.99, 1), (.35, .45), 1, tolerance=1e-3),
    Row("linear_probe", "linear_probe_nats", (1.4, 1.48), (-.03, .01), (1.4, 1.48), (1.4, 1.48), (1.4, 1.48), (.26, .275), (1.07, 1.1), tolerance=1e-3),
    Row("mig", "mig_hist", (.99, 1), (0, .01), 0, (.2, .35), (.74, .76), (.24, .26), (.99, 1)),  # an outlier costs its axis
    Row("mig", "mig_density", (.99, 1), (0, .01), (0, .01), (.2, .35), (.99, 1), (.24, .26), (.99, 1)),
    Row("dci", "dci_lightgbm_disentanglement", (.99, 1), (0, .05), (.99, 1), (.2, .6), (.99, 1), 0, 1, tolerance=.02),
    Row("dci", "dci_lightgbm_completeness", (.99, 1), (0, .05), (.99, 1), (.2, .6), (.99, 1), 1, (.99, 1), tolerance=.02),
    Row("dci", "dci_lightgbm_informativeness", (.99, 1), (.2, .28), (.99, 1), (.9, 1), (.99, 1), (.35, .45), (.99, 1), tolerance=.02),
    Row("beta_vae_score", "beta_vae_score", 1, (.2, .3), 1, (.9, 1), (.99, 1), (.45, .55), None, tolerance=1e-3),
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


@pytest.mark.parametrize("name", METRICS)
def test_repeats_exactly(name):
    first, second = (QUICK[name](representation(n=200), np.random.default_rng(3)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n", [9, 60])
def test_few_examples_give_plain_numbers(name, n):
    for score in METRICS[name](representation(n=n), np.random.default_rng(0)):
        assert score.value is None or (type(score.value) is float and np.isfinite(score.value)), score
        assert score.stderr is None or (type(score.stderr) is float and score.stderr >= 0), score
        assert score.value is not None or score.reason, score


@pytest.mark.parametrize("name", ["mig", "dci", "beta_vae_score", "linear_probe"])
@pytest.mark.parametrize("types", [(), ("label",)])
def test_what_the_data_cannot_feed_is_refused(name, types):
    full = representation(n=30)
    factors = full.test.factors[:, :1] if types else None
    known = {"factors": factors, "factor_names": NAMES[: len(types)], "factor_types": types}
    data = Representation(replace(full.train, **known), replace(full.test, **known))
    if name == "linear_probe" and types:
        assert METRICS[name](data, np.random.default_rng(0))
        return
    with pytest.raises(
        Inapplicable, match=rf"^{name} needs .*; the data set has none.*\(use metrics=\[rate_distortion,"
    ):
        METRICS[name](data, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["mig", "dci", "beta_vae_score", "linear_probe"])
def test_a_constant_factor_has_a_reason_and_changes_nothing(name):
    def frozen(codes: Codes) -> Codes:
        extra = np.hstack([codes.factors, np.zeros((len(codes), 1))])
        return replace(codes, factors=extra, factor_names=(*NAMES, "e"), factor_types=("discrete",) * 5)

    data = representation(n=200)
    without = QUICK[name](data, np.random.default_rng(0))
    found = QUICK[name](Representation(frozen(data.train), frozen(data.test)), np.random.default_rng(0))
    assert [score for score in found if score.factor != "e"] == without
    blank = [score for score in found if score.factor == "e"]
    assert blank
    assert all(score.value is None and "single value" in score.reason for score in blank)
    single = change_factors(data, np.zeros(200), "discrete")
    with pytest.raises(Inapplicable, match=f"^{name} needs a factor that varies"):
        METRICS[name](single, np.random.default_rng(0))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("kind", ["continuous", "circular"])
def test_every_factor_type_is_taken(name, kind):
    data = representation(n=300)
    values = data.test.mean[:, 2] + 0.1 * np.arange(300) / 300
    found = QUICK[name](change_factors(data, values, kind), np.random.default_rng(0))
    assert all(score.value is None or np.isfinite(score.value) for score in found)


def change_factors(data: Representation, values: np.ndarray, kind: str) -> Representation:
    """The same codes with one factor of that type."""
    known = {"factors": values[:, None], "factor_names": ("v",), "factor_types": (kind,)}
    return Representation(replace(data.train, **known), replace(data.test, **known))


@pytest.mark.parametrize(("name", "score"), [("information", "mutual_information"), ("mig", "mig_density")])
def test_a_point_code_has_no_densities(name, score):
    point = replace(representation(n=60), deterministic=True)
    assert [found.value for found in METRICS[name](point, np.random.default_rng(0)) if found.name == score] == [None]


@pytest.mark.parametrize("part", ["mean", "stddev", "sample", "factors"])
def test_codes_refuse_nan(part):
    codes = representation(n=30).test
    broken = getattr(codes, part).copy()
    broken[3, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        replace(codes, **{part: broken})


@pytest.mark.parametrize("name", METRICS)
def test_yaml_writes_out_every_default(name):
    written = yaml.safe_load((Path(__file__).parent.parent / "conf" / "metrics" / f"{name}.yaml").read_text())[name]
    assert written.pop("_target_") == f"{METRICS[name].__module__}.{METRICS[name].__name__}"
    options = inspect.signature(METRICS[name]).parameters.values()
    defaults = {option.name: option.default for option in options if option.kind is option.KEYWORD_ONLY}
    assert {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()} == defaults


def test_matrices_are_computed_once_and_shared():
    data = representation(n=60)
    mig(data, np.random.default_rng(0))
    dci(data, np.random.default_rng(0))
    assert {name: matrix.shape for name, matrix in data.matrices.items()} == {
        "mutual_information_hist": (4, 4),
        "mutual_information_density": (4, 4),
        "importance_lightgbm": (4, 4),
    }
    assert data.matrix("mutual_information_hist", lambda: np.zeros((0, 0))).shape == (4, 4)
