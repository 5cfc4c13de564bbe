"""The legend of the scores: every name that a metric can emit has its sentence, and noise scores what it says."""

from __future__ import annotations

import importlib
import inspect

import numpy as np
import pytest

from metrics.reading import NO_ZERO, reading
from tests.support.metric_cases import METRICS, PROBES, QUICK, SIZES, representation, scores

FLOORS = {  # what a sentence calls chance -> the values of noise
    "0: chance": (-0.25, 0.02),  # nearest neighbours are overconfident in nats
    "chance is the majority class's share": (0.9 * np.mean(1 / np.array(SIZES)), 0.3),
    "chance is 1/K of K classes": (np.mean(1 / np.array(SIZES)) - 0.02, np.mean(1 / np.array(SIZES)) + 0.02),
    "chance is 1/F of F factors": (0.2, 0.3),
    "chance is 0.5": (0.47, 0.53),
    "noise scores about 0.5 to 0.7": (0.5, 0.7),
    "noise scores about 0.4 to 0.7": (0.4, 0.7),
    "few coefficients are left, about 0.4 to 0.7": (0.4, 0.7),
    "noise scores above 0, about 0.2": (0.1, 0.3),
    "noise scores 1": (0.99, 1),
    "noise is near H(v) + log bins": (3.8, 4.4),
}


@pytest.mark.parametrize("metric", METRICS)
def test_every_score_says_how_to_read_it(metric):
    for score in METRICS[metric](representation(n=130), np.random.default_rng(0)):
        assert reading(score.name), score.name
        assert (score.better == "lower") == reading(score.name).startswith("lower is better"), score.name


@pytest.mark.parametrize("metric", QUICK)
def test_noise_scores_what_is_called_chance(metric):
    for score in scores(metric, "noise"):
        floors = [floor for words, floor in FLOORS.items() if words in reading(score.name)]
        for low, high in floors if score.factor is None else ():
            assert low <= score.value <= high, score
        if score.better == "higher" and score.factor is None:
            assert (NO_ZERO in reading(score.name)) == (score.value > 0.05), score
            assert floors or score.name == "dci_es_size"


@pytest.mark.parametrize("metric", METRICS)
def test_docstrings_name_what_has_no_usable_zero(metric):
    module = importlib.import_module(METRICS[metric].__module__)
    said = " ".join(" ".join((inspect.getdoc(found) or "").split()) for found in vars(module).values())
    unusable = any(NO_ZERO in reading(score.name) for score in scores(metric, "noise"))
    assert (NO_ZERO in said) == unusable or metric in PROBES


@pytest.mark.parametrize("name", ["rate", "distortion", "elbo", "iwae_5000", "exact_active_units", "udr_lasso"])
def test_scores_made_elsewhere_have_a_sentence_too(name):
    assert reading(name)
    assert not reading(f"{name}x")


def test_no_sentence_is_shadowed_by_another():
    names = ["dci_lightgbm_disentanglement", "dci_es_explicitness", "explicitness", "info_explicitness", "dcimig"]
    assert len({reading(name) for name in names}) == len(names)
