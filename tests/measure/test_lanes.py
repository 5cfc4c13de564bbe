"""Metrics of densities and of arrays beside each other: the scores of one after another, and errors with names."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmark.config.components import Component, ConfigurationError
from benchmark.measure import engine
from benchmark.measure.densities import TrainedModel
from benchmark.measure.encode import encode
from benchmark.measure.engine import MetricFailed, evaluate
from metrics.core import Codes, Inapplicable, Representation
from models.networks import linear

METRICS = [
    Component("evidence", "benchmark.measure.densities.evidence", {"num_samples": 10}),
    Component("information", "metrics.information.information", {}),
    Component("rate_distortion", "benchmark.measure.densities.rate_distortion", {"num_samples": 3}),
    Component("unsupervised", "metrics.unsupervised.unsupervised", {}),
]


@pytest.fixture(scope="module")
def measured():
    """Evaluation of a small model with so many threads."""
    torch.manual_seed(0)
    model = linear((1, 4, 4), torch.full((1, 4, 4), 0.3), latent_dim=3)
    x = (torch.rand((60, 1, 4, 4)) < 0.3).float()
    known = encode(model, x)
    plan = SimpleNamespace(settings=SimpleNamespace(evaluation_seed=0))
    trained = TrainedModel(plan, SimpleNamespace(), model, x, known)
    mean = known[0].mean.double().numpy()
    codes = Codes.gaussians(mean, np.ones_like(mean), mean)
    representation = Representation(codes, codes)
    return lambda threads, explicit=False: evaluate(METRICS, explicit, representation, trained, 0, threads)


def test_scores_of_lanes_are_those_of_one_after_the_other(measured):
    one, two = measured(1), measured(2)
    assert [score.selector for score in two.scores] == sorted(score.selector for score in two.scores)
    assert two.scores == one.scores
    assert two.left_out == one.left_out
    assert np.array_equal(two.curves["iwae"], one.curves["iwae"])


def test_a_lane_whose_metrics_are_done_takes_those_of_the_other(measured, monkeypatch):
    """Each of two metrics of densities waits for the other to begin."""
    both, names = threading.Barrier(2, timeout=30), {}
    measure = engine._measure

    def waits(metric, *rest):
        if metric.name in ("evidence", "rate_distortion"):
            both.wait()
            names[metric.name] = threading.current_thread().name
        return measure(metric, *rest)

    monkeypatch.setattr(engine, "_measure", waits)
    assert measured(2).scores
    assert len(set(names.values())) == 2


@pytest.mark.parametrize("name", ["evidence", "unsupervised"])
@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_metric_raises_is_raised_with_its_name_from_either_lane(measured, monkeypatch, name, threads):
    measure = engine._measure
    for error, expected in [
        (KeyError("no"), MetricFailed),
        (ValueError("no"), ValueError),
        (Inapplicable("no"), ConfigurationError),
    ]:

        def fails(metric, *rest, error=error):
            if metric.name == name:
                raise error
            return measure(metric, *rest)

        monkeypatch.setattr(engine, "_measure", fails)
        with pytest.raises(expected, match=rf"^metrics=\[{name}\]: .*no"):
            measured(threads, explicit=True)
        if isinstance(error, Inapplicable):
            assert measured(threads).left_out == {name: "no"}
