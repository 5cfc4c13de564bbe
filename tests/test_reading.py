"""The legend of the scores: every name that a metric can emit has its sentence."""

from __future__ import annotations

import numpy as np
import pytest
from metric_cases import METRICS, representation

from metrics.reading import reading


@pytest.mark.parametrize("metric", METRICS)
def test_every_score_says_how_to_read_it(metric):
    for score in METRICS[metric](representation(n=60), np.random.default_rng(0)):
        assert reading(score.name), score.name
        assert (score.better == "lower") == reading(score.name).startswith("lower is better"), score.name


@pytest.mark.parametrize("name", ["rate", "distortion", "elbo", "iwae_5000", "exact_active_units", "udr_lasso"])
def test_scores_made_elsewhere_have_a_sentence_too(name):
    assert reading(name)
    assert not reading(f"{name}x")
