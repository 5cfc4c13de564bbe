"""What evidence costs: default numbers of samples and examples follow what a decoder multiplies, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from benchmark.measure import densities
from benchmark.measure.densities import TrainedModel, affordable, evidence, rate_distortion
from benchmark.measure.encode import encode
from models.networks import linear
from models.noise import Stream

N = 450
COST = 3 * 64  # multiplications of one code of the model below


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(0)
    model = linear((1, 8, 8), torch.full((1, 8, 8), 0.3), latent_dim=3)
    x = (torch.rand((N, 1, 8, 8), generator=torch.Generator().manual_seed(0)) < 0.3).float()
    plan = SimpleNamespace(settings=SimpleNamespace(evaluation_seed=0))
    return lambda: TrainedModel(plan, SimpleNamespace(), model, x, encode(model, x), Stream.seeded(0))


@pytest.mark.parametrize(
    ("examples", "expected"), [(10_000, 450), (450, 450), (449, 400), (399, 200), (199, 199), (7, 7), (0, 1)]
)
def test_evidence_is_of_the_examples_that_its_budget_allows(monkeypatch, trained, examples, expected):
    """In whole blocks of 200, K being what was asked for; the row says how many of how many."""
    monkeypatch.setattr(densities, "EVIDENCE_WORK", examples * 10 * COST)
    few = evidence(trained(), num_samples=10)
    asked = evidence(trained(), num_samples=10, num_examples=expected)
    assert few.scores[0].reason == ("450 test examples" if expected == 450 else f"{expected} of 450 test examples")
    assert [(score.name, score.value, score.stderr) for score in few.scores] == [
        (score.name, score.value, score.stderr) for score in asked.scores
    ]


def test_twice_the_samples_are_of_half_the_examples(monkeypatch, trained):
    monkeypatch.setattr(densities, "EVIDENCE_WORK", 400 * 10 * COST)
    reasons = [evidence(trained(), num_samples=samples).scores[0].reason for samples in (10, 20)]
    assert reasons == ["400 of 450 test examples", "200 of 450 test examples"]


@pytest.mark.parametrize(("times", "expected"), [(0.5, 1), (1.0, 1), (3.9, 3), (1e9, densities.MOST_SAMPLES)])
def test_samples_of_the_distortion_are_those_that_its_budget_allows(monkeypatch, trained, times, expected):
    monkeypatch.setattr(densities, "RATE_WORK", int(times * N * COST))
    if expected > 3:  # decoded in earnest it would take its time
        assert affordable(trained().model, densities.RATE_WORK, N) > densities.MOST_SAMPLES
    else:
        assert rate_distortion(trained())[1].reason == f"{expected} samples of z per example"
