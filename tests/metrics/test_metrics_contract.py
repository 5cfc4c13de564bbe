"""What every metric promises whatever it measures: it repeats, explains what it cannot do, and refuses NaN."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.checks import metrics as laws
from benchmark.checks.codes import NAMES, linear, representation
from metrics.core import Codes, Inapplicable, Representation
from metrics.declared import declared_matrix
from tests.support.metric_cases import METRICS, PROBES, QUICK, SUPERVISED, YAMLS


@pytest.mark.parametrize("name", METRICS)
def test_repeats_exactly(name):
    laws.same_twice(QUICK[name])


@pytest.mark.parametrize("name", METRICS)
def test_a_score_names_the_view_that_it_is_of(name):
    laws.names_the_view_that_it_reads(QUICK[name])


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("n", [9, 60])
def test_few_examples_give_plain_numbers(name, n):
    laws.plain_numbers(METRICS[name](representation(n=n), np.random.default_rng(0)))


@pytest.mark.parametrize("name", SUPERVISED)
@pytest.mark.parametrize("types", [(), ("label",)])
def test_what_the_data_cannot_feed_is_refused(name, types):
    full = representation(n=30)
    factors = full.test.factors[:, :1] if types else None
    known = {"factors": factors, "factor_names": NAMES[: len(types)], "factor_types": types}
    data = Representation(replace(full.train, **known), replace(full.test, **known))
    if name in PROBES and types:
        assert METRICS[name](data, np.random.default_rng(0))
        return
    with pytest.raises(
        Inapplicable, match=rf"^{name} needs .*; the data set has none.*\(use metrics=\[rate_distortion,"
    ):
        METRICS[name](data, np.random.default_rng(0))


@pytest.mark.parametrize("name", SUPERVISED)
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
    data = representation(n=60)
    known = [(part.factors, part.factor_names, part.factor_types) for part in (data.train, data.test)]
    point = Representation(Codes.points(data.train.mean, *known[0]), Codes.points(data.test.mean, *known[1]))
    assert [found.value for found in METRICS[name](point, np.random.default_rng(0)) if found.name == score] == [None]


@pytest.mark.parametrize("part", ["mean", "stddev", "sample", "factors"])
def test_codes_refuse_nan(part):
    with pytest.raises(ValueError, match="NaN"):
        with_entry(part, np.nan)


@pytest.mark.parametrize("part", ["mean", "stddev", "sample", "factors"])
def test_codes_refuse_what_overflows_and_take_what_does_not(part):
    with_entry(part, 1e14)
    for entry in (1e16, 1e200):
        with pytest.raises(ValueError, match=rf"^{part}: has entries up to 1\.0e.*, at most 1e\+15 .*rescale it$"):
            with_entry(part, entry)


def with_entry(part: str, entry: float) -> Codes:
    """Codes one of whose arrays has that entry."""
    codes = representation(n=30).test
    changed = (codes.views[part] if part in codes.views else getattr(codes, part)).copy()
    changed[3, 0] = entry
    known = {"views": {**codes.views, part: changed}} if part in codes.views else {part: changed}
    return replace(codes, **known)


@pytest.mark.parametrize("name", METRICS)
def test_yaml_writes_out_every_default(name):
    written = {key: value for key, value in YAMLS[name].items() if key != "_target_"}
    options = inspect.signature(METRICS[name]).parameters.values()
    defaults = {option.name: option.default for option in options if option.kind is option.KEYWORD_ONLY}
    assert {key: tuple(value) if isinstance(value, list) else value for key, value in written.items()} == defaults


def test_matrices_are_computed_once_and_shared():
    data = representation(n=60)
    for name in SUPERVISED:
        METRICS[name](data, np.random.default_rng(0))
    assert all(declared_matrix(name) for name in data.matrices), set(data.matrices)
    assert len(data.matrices) < len(SUPERVISED)
    assert {matrix.shape for matrix in data.matrices.values()} == {(4, 4)}
    assert data.matrix("mutual_information_hist", lambda: np.zeros((0, 0))).shape == (4, 4)


@pytest.mark.parametrize("estimator", ["lightgbm", "sklearn_gbt", "forest", "lasso"])
def test_dci_takes_every_estimator_and_names_it(estimator):
    found = METRICS["dci"](representation(n=150), np.random.default_rng(0), estimator=estimator)
    values = {score.name: score.value for score in found if score.factor is None}
    assert list(values) == [
        f"dci_{estimator}_{part}" for part in ("disentanglement", "completeness", "informativeness")
    ]
    assert all(value > 0.3 for value in values.values()), values


@pytest.mark.parametrize(
    ("name", "scores"),
    [("sap", ["sap_svc"]), ("infomec", None), ("unsupervised", None), ("dci_es", None)],
)
def test_what_pixels_would_make_too_slow_has_a_reason(name, scores):
    data = representation(n=20)
    wide = [replace(linear(codes, np.ones((4, 300))), factors=codes.factors) for codes in (data.train, data.test)]
    found = METRICS[name](Representation(*wide), np.random.default_rng(0))
    blank = [score for score in found if score.value is None]
    assert [score.name for score in blank] == (scores or [score.name for score in found])
    assert all(score.reason == "300 dimensions are more than the 256 that this is made for" for score in blank)


def test_beta_vae_score_is_perfect_with_one_factor_missing_from_the_code():
    data = representation()
    three = [linear(codes, np.eye(4)[:, 1:]) for codes in (data.train, data.test)]
    assert QUICK["beta_vae_score"](Representation(*three), np.random.default_rng(0))[0].value > 0.99


def test_importing_every_metric_stays_cheap():
    modules = ", ".join(sorted({METRICS[name].__module__ for name in METRICS}))
    heavy = "{'sklearn', 'lightgbm', 'torch', 'pandas'}"
    check = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", check], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
