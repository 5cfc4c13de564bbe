"""Standard errors of scores that resample one set of examples: they are over examples, whatever number is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import Codes, Representation
from metrics.quality import BLOCK, error_over_blocks
from tests.support.metric_cases import METRICS

SIZES = np.array((3, 6, 15, 8))
TURN = np.linalg.qr(np.eye(6) + 1.5 * np.random.default_rng(0).normal(size=(6, 6)))[0]
RESAMPLED = ("beta_vae_score", "factor_vae_score")


def fresh(seed: int, n: int) -> Representation:
    """Four factors and two noise axes, turned and blurred: new examples for each seed."""
    rng = np.random.default_rng(seed)

    def part() -> Codes:
        factors = np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(float)
        unit = (factors - (SIZES - 1) / 2) / np.sqrt((SIZES**2 - 1) / 12)
        mean = np.hstack([unit, rng.normal(size=(n, 2))]) @ TURN + 0.5 * rng.normal(size=(n, 6))
        return Codes.points(mean, factors, ("a", "b", "c", "d"), ("discrete",) * 4)

    return Representation(part(), part())


def found(name: str, seed: int, n: int, num_test: int = 1500) -> list[tuple[float, float | None]]:
    scores = METRICS[name](fresh(seed, n), np.random.default_rng(seed), num_train=1000, num_test=num_test)
    return [(score.value, score.stderr) for score in scores]


@pytest.mark.parametrize("name", RESAMPLED)
def test_the_stated_error_is_the_spread_over_fresh_data(name):
    values, errors = np.moveaxis([found(name, seed, 1500) for seed in range(20)], -1, 0)
    assert (values > 0.6).all()
    assert (values < 0.97).all()
    assert values.std(axis=0, ddof=1) == pytest.approx(errors.mean(axis=0), rel=0.3)


@pytest.mark.parametrize("name", RESAMPLED)
def test_more_draws_from_the_same_examples_do_not_shrink_the_error(name):
    few, many = (np.mean([found(name, seed, 600, number)[0][1] for seed in range(4)]) for number in (1500, 12000))
    assert many > 0.6 * few


@pytest.mark.parametrize("name", RESAMPLED)
def test_few_examples_have_no_error_and_say_so(name):
    for score in METRICS[name](fresh(0, 150), np.random.default_rng(0), num_train=200, num_test=100):
        assert score.stderr is None
        assert "no standard error from fewer than 200 examples" in score.reason


def test_blocks_of_a_mean_give_its_standard_error():
    values = np.random.default_rng(0).normal(size=4000)
    errors = [
        error_over_blocks(lambda rows, blocks: float(values[rows].mean()), len(values), np.random.default_rng(seed))[0]
        for seed in range(40)
    ]
    assert np.mean(errors) == pytest.approx(values.std() / np.sqrt(4000), rel=0.1)
    sizes: list[int] = []
    error_over_blocks(lambda rows, blocks: float(sizes.append(len(rows)) or 0), 4 * BLOCK + 1, np.random.default_rng(0))
    assert sorted(sizes) == [BLOCK, BLOCK, BLOCK, BLOCK + 1]
