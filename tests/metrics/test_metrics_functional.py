"""Metrics as functions of plain arrays: any shape from one column on, every kind of factor, a stated seed."""

import inspect
import pydoc

import numpy as np
import pytest

import metrics
from metrics import functional
from metrics.arrays import CodesError
from tests.support.metric_cases import METRICS

OPTIONS = {
    "beta_vae_score": {"num_train": 400, "num_test": 200},
    "factor_vae_score": {"num_train": 400, "num_test": 200},
    "dci": {"rounds": 5},
}


def factors(n=400, count=3, seed=0):
    return np.random.default_rng(seed).integers(0, 4, (n, count)).astype(float)


def test_every_metric_is_there_and_in_the_help():
    assert set(METRICS) == set(functional.metrics())
    assert set(METRICS) <= set(dir(functional))
    said = pydoc.render_doc(functional, renderer=pydoc.plaintext)
    assert all(f"\n    {name}(codes: " in said for name in METRICS)
    assert functional.mig.__doc__ == METRICS["mig"].__doc__
    assert metrics.plain is functional
    with pytest.raises(AttributeError, match="'nope'"):
        functional.nope  # noqa: B018


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize(("axes", "count"), [(1, 1), (1, 3), (4, 1), (5, 2)])
def test_any_number_of_codes_and_factors(name, axes, count):
    known = factors(count=count)
    codes = np.random.default_rng(1).normal(size=(len(known), axes)) + known[:, :1]
    found = getattr(functional, name)(codes, known, **OPTIONS.get(name, {}))
    assert found
    assert all(value is None or np.isfinite(value) for value in found.values())


def test_columns_may_be_flat_and_parts_given():
    known = factors(count=1)
    flat = functional.mig(known[:, 0], known[:, 0])
    assert flat["mig_hist"] == pytest.approx(1.0)
    given = functional.mig(known[:200], known[:200], codes_test=known[200:], factors_test=known[200:])
    assert given["mig_hist"] == pytest.approx(1.0)


def test_the_truth_scores_one_and_a_rotation_less():
    known = factors()
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    for name, score in (("mig", "mig_hist"), ("dci", "dci_lightgbm_disentanglement"), ("sap", "sap_r2")):
        metric = getattr(functional, name)
        assert metric(known, known)[score] > 0.95 > 0.7 > metric(known @ turn, known)[score]


def test_the_seed_repeats_exactly_and_options_are_the_metrics_own():
    known = factors()
    codes = known + np.random.default_rng(3).normal(size=known.shape)
    assert functional.dci(codes, known, seed=3) == functional.dci(codes, known, seed=3)
    assert functional.dci(codes, known, seed=3) != functional.dci(codes, known, seed=4)
    assert functional.mig(codes, known, bins=3) != functional.mig(codes, known, bins=20)
    assert "bins" in inspect.signature(functional.mig).parameters
    with pytest.raises(TypeError, match="binz"):
        functional.mig(codes, known, binz=3)


def test_continuous_factors_are_cut_by_the_discretiser_that_is_named():
    values = np.random.default_rng(4).exponential(size=(1000, 2))
    few, many = (functional.jemmig(values, values, discretise=functional.quantiles(bins))["jemmig"] for bins in (2, 8))
    assert few != many
    skewed = functional.equal_width(4)(values[:, 0])
    assert np.bincount(skewed).argmax() == 0
    assert set(functional.quantiles(4)(values[:, 0])) == {0, 1, 2, 3}
    assert np.ptp(np.bincount(functional.quantiles(4)(values[:, 0]))) <= 1
    types = ("continuous", "discrete")
    mixed = np.column_stack([values[:, 0], factors(1000, 1)[:, 0]])
    rows = functional.scores(METRICS["mig"], mixed, mixed, discretise=functional.quantiles(5), factor_types=types)
    assert {row.factor for row in rows} >= {"factor_1", "factor_2", None}


def test_keys_name_the_code_and_the_number_of_labels():
    known = factors()
    stddev, sample = np.full(known.shape, 0.1), known + 0.1
    found = functional.linear_probe(known, known, stddev=stddev, sample=sample, num_labels=(50, 100))
    assert {"linear_probe_accuracy@50", "linear_probe_accuracy[sample]@100"} <= set(found)


def test_bad_arrays_are_refused_in_one_line():
    known = factors()
    for codes, why in (
        (known[:5], "factors has 400 rows, codes has 5"),
        (known * np.nan, "NaN"),
        (known * 1e100, "codes: has.*rescale"),
    ):
        with pytest.raises(CodesError, match=why):
            functional.mig(codes, known)
