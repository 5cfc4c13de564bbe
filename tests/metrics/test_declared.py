"""What scores declare of themselves: every name that a metric emits is declared, once, and the declaration holds."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from benchmark.checks import declared as laws
from metrics.declared import NO_ZERO, TOPICS, Change, declared, declared_matrix, matrices, modules, scores, title_of
from tests.support import metric_cases
from tests.support.metric_cases import METRICS, PROBES, QUICK, representation


@pytest.mark.parametrize("metric", METRICS)
def test_every_score_is_declared_with_its_unit_and_direction(metric):
    found = METRICS[metric](representation(n=130), np.random.default_rng(0))
    laws.names_units_and_directions(found, scores())
    for of in (declared(score.name) for score in found):
        assert of.reading, of.name
        assert (of.better == "lower") == of.reading.startswith("lower is better"), of.name


@pytest.mark.parametrize("case", ["truth", "noise"])
@pytest.mark.parametrize("metric", QUICK)
def test_no_score_leaves_its_range(metric, case):
    laws.ranges(metric_cases.scores(metric, case), scores())


@pytest.mark.parametrize("metric", QUICK)
def test_noise_scores_what_is_called_chance(metric):
    found = metric_cases.scores(metric, "noise")
    laws.chance(found, scores())
    higher = [score.name for score in found if score.better == "higher" and score.factor is None]
    assert all(laws.floors(declared(name).reading) or name == "dci_es_size" for name in higher)


@pytest.mark.parametrize("metric", METRICS)
def test_docstrings_name_what_has_no_usable_zero(metric):
    module = importlib.import_module(METRICS[metric].__module__)
    said = " ".join(" ".join((inspect.getdoc(found) or "").split()) for found in vars(module).values())
    zeros = [declared(score.name).usable_zero for score in metric_cases.scores(metric, "noise")]
    assert (NO_ZERO in said) == (not all(zeros)) or metric in PROBES


def test_every_name_is_declared_once_and_every_place_is_taken_once():
    assert not [name for name, times in Counter(of.name for of in scores()).items() if times > 1]
    assert not [name for name, times in Counter(of.name for of in matrices()).items() if times > 1]
    assert all(declared(of.example).reading == of.reading for of in scores())
    columns = Counter((of.topic, of.column, of.meaning) for of in scores() if of.column)
    places = Counter((topic, column) for topic, column, _ in columns)
    assert not [place for place, times in places.items() if times > 1]
    assert {of.topic for of in scores()} <= set(TOPICS)
    assert {change for of in scores() for change in of.changed_by} <= set(get_args(Change))
    assert all(declared(of.unless) for of in scores() if of.unless)


@pytest.mark.parametrize(
    "module", [module for module in modules() if "SCORES" in vars(module)], ids=lambda of: of.__name__
)
def test_what_is_declared_is_emitted(module):
    """Of the metrics with a YAML; what needs a model's densities or many models is emitted elsewhere."""
    selectors = [name for name in QUICK if metric_cases.located_in(name) == module.__name__]
    emitted = {score.name for name in selectors for score in metric_cases.scores(name, "truth")}
    unused = {of.name for of in module.SCORES} - emitted
    assert not selectors or all(ANOTHER_CHOICE.search(name) for name in unused), unused


# of other estimators; of factors that are numbers; of fewer labels than the quick options have
ANOTHER_CHOICE = re.compile("^dci_(sklearn_gbt|forest)|_probe_r2$|_probe_efficiency$")


@pytest.mark.parametrize("name", ["rate", "distortion", "elbo", "iwae_5000", "exact_active_units", "udr_lasso"])
def test_scores_made_elsewhere_are_declared_too(name):
    assert declared(name).reading
    assert declared(f"{name}x") is None


def test_a_number_in_a_name_stands_in_the_title_and_what_is_unknown_is_called_by_its_name():
    assert title_of("iwae_5000") == "IWAE-5000"
    assert declared("iwae_5000").name == "iwae_5000"
    assert title_of("of_somebody_else") == "of somebody else"
    assert declared_matrix("mutual_information_hist_7").title.endswith("bins: 7")
    assert declared_matrix("of_somebody_else") is None


def test_no_sentence_is_shadowed_by_another():
    names = ["dci_lightgbm_disentanglement", "dci_es_explicitness", "explicitness", "info_explicitness", "dcimig"]
    assert len({declared(name).reading for name in names}) == len(names)


def test_what_the_readme_says_of_scales_and_outliers_is_declared():
    text = (Path(__file__).parents[2] / "metrics" / "README.md").read_text()
    for words, changes in (("the scale of one axis", {"one_axis"}), ("one outlier", {"outlier", "noise_far"})):
        line = next(line for line in text.splitlines() if line.startswith(f"| {words} |"))
        assert all(changes & set(declared(name).changed_by) for name in re.findall("`(.*?)`", line))


def test_ranges_are_intervals():
    assert all(low < high and not math.isnan(low) for of in scores() for low, high in [of.range])
