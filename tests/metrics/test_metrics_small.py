"""Few examples and rare values: no untrue error, no warning of a library, no NaN, and rows that say how few."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from metrics import functional
from metrics.core import Inapplicable, Score
from metrics.factors import quantile_edges
from metrics.unsupervised import gaussian_bias, gaussian_total_correlation
from tests.support.metric_cases import METRICS

FEW = {
    "linear_probe": {"num_labels": (10, 100), "draws": 1, "strengths": (0.3,)},
    "mlp_probe": {"num_labels": (30,), "stages": 1},
    "boosted_probe": {"num_labels": (30,), "rounds": 3},
    "dci": {"rounds": 3},
    "information": {"prior": "standard_normal"},  # else point codes have none of its scores
    "beta_vae_score": {"num_train": 60, "num_test": 40},
    "factor_vae_score": {"num_train": 60, "num_test": 40},
}


def measured(name: str, codes: np.ndarray, factors: np.ndarray, seed: int = 0, **options) -> list[Score]:
    """All rows of a metric, where every warning is an error; none where each factor has one value in a part."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return functional.scores(METRICS[name], codes, factors, seed=seed, **FEW.get(name, {}), **options)
        except Inapplicable:
            return []


def check(scores: list[Score]) -> None:
    for score in scores:
        assert score.value is None or np.isfinite(score.value), score
        assert score.stderr is None or np.isfinite(score.stderr), score
        assert score.value is not None or score.reason, score


@pytest.mark.parametrize("name", METRICS)
def test_a_handful_of_examples_gives_flagged_numbers_and_no_warning(name):
    for n in (4, 7, 20):
        rng = np.random.default_rng(n)
        codes = rng.normal(size=(n, 4))
        for factors in (rng.integers(0, 3, (n, 2)).astype(float), rng.normal(size=(n, 1))):
            found = measured(name, codes, factors)
            check(found)
            assert all("few examples: " in score.reason for score in found)
    assert not any("few examples" in score.reason for score in measured(name, *_many(400)))


def _many(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, (n, 3)).astype(float)


@pytest.mark.parametrize("name", METRICS)
def test_a_factor_with_one_rare_value_gives_rows_whatever_the_seed(name):
    codes, factors = _many(240)
    factors[:, 0] = 0
    factors[11, 0] = 1
    for seed in range(3):
        found = measured(name, codes, factors, seed)
        check(found)
        rare = [score for score in found if score.factor == "factor_1"]
        assert all(score.value is None and "single value in train or test" in score.reason for score in rare)
        assert any(score.value is not None for score in found)


@pytest.mark.parametrize("name", METRICS)
def test_more_classes_than_examples_to_learn_them_from_are_named(name):
    codes, _ = _many(240)
    factors = np.column_stack([np.arange(240), np.arange(240) % 3]).astype(float)
    found = measured(name, codes, factors)
    check(found)
    if name in ("explicitness", "infomec", "sap", "dci", "dci_es"):
        assert any("fewer than two training examples a class: factor_1" in score.reason for score in found)


@pytest.mark.parametrize("estimator", ["sklearn_gbt", "forest", "lasso"])
def test_no_estimator_of_dci_warns(estimator):
    codes, _ = _many(20)
    check(measured("dci", codes, np.arange(20.0)[:, None], estimator=estimator))


def test_a_factor_of_one_value_is_still_refused():
    codes, factors = _many(40)
    with pytest.raises(ValueError, match="'factor_1' has one value only; leave it out"):
        functional.mig(codes, np.column_stack([np.full(40, 5.0), factors]))


def test_a_value_that_most_examples_have_is_a_bin_and_the_rest_are_others():
    for rare in (np.r_[np.zeros(990), np.arange(1, 11)], np.r_[np.full(990, 11.0), np.arange(10)]):
        assert len(np.unique(np.digitize(rare, quantile_edges(rare, 20)))) == 2


def test_independent_axes_score_the_gaussian_bias_that_is_stated():
    rng = np.random.default_rng(0)
    for number, axes in ((12, 10), (60, 4)):
        found = [gaussian_total_correlation(rng.normal(size=(number, axes))) for _ in range(400)]
        assert np.mean(found) == pytest.approx(gaussian_bias(number, axes), rel=0.1)
    assert gaussian_bias(5000, 10) == pytest.approx(10 * 9 / 4 / 5000, rel=0.01)
    rows = {n: functional.scores(METRICS["unsupervised"], *_many(n))[0] for n in (8, 4000)}
    assert rows[8].value is None
    assert rows[8].reason.startswith("4 examples are too few for the correlations of 4 axes")
    assert rows[4000].reason.startswith("independent normal axes score 0.002 at N = 2000")
