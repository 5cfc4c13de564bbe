"""Models that our trainer trains from random weights, held against what is known exactly."""

from __future__ import annotations

import csv
import math

import pytest

from benchmark.experiment import execute
from benchmark.training.loading import with_data
from tests.support.composing import compose

LINEAR = (
    "dataset=linear_gaussian",
    "dataset.eigenvalues=[3,1.5,0.8,0.2]",
    "model=linear",
    "model.latent_dim=3",
    "objective=beta_vae",
    "trainer=precise",
    "trainer.steps=2500",
    "metrics=[rate_distortion,exact,information]",
)


@pytest.mark.parametrize(("beta", "sigma2"), [(1.0, "0.25"), (8.0, "0.25"), (1.0, "learned")])
def test_a_trained_linear_beta_vae_lands_on_the_closed_form(tmp_path, cache_dir, beta, sigma2):
    settings = [f"objective.beta={beta}", f"model.sigma2={sigma2}", f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]
    plan = with_data(compose([*LINEAR, *settings]))
    record = execute(plan)
    rate, distortion = record.score("rate").value, record.score("distortion").value
    exact_rate, exact_distortion = record.score("exact_rate").value, record.score("exact_distortion").value
    assert distortion + beta * rate == pytest.approx(exact_distortion + beta * exact_rate, abs=1e-3)
    assert rate == pytest.approx(exact_rate, abs=1e-2)
    assert distortion == pytest.approx(exact_distortion, abs=1e-2)
    assert record.score("active_units", "mean").value == record.score("exact_active_units").value
    with (plan.folder / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert float(history[0]["validation_objective"]) < float(history[-1]["validation_objective"]) - 1


def test_the_estimated_log_evidence_is_that_of_the_linear_model(tmp_path, cache_dir):
    overrides = [*LINEAR[:-2], "trainer.steps=300", "metrics=[rate_distortion,evidence,exact]", "model.sigma2=0.25"]
    places = [f"results_dir={tmp_path}", f"cache_dir={cache_dir}", "metrics.evidence.num_samples=1000"]
    record = execute(with_data(compose([*overrides, *places])))
    log_px = record.score("exact_log_evidence").value
    assert record.score("elbo").value < record.score("iwae_1000").value < log_px + 1e-3
    assert record.score("iwae_1000").value == pytest.approx(log_px, abs=0.02)


def test_a_probe_on_one_sample_learns_no_more_than_the_rate(tmp_path, cache_dir):
    """H(Y) - CE(probe on the sample) <= I(Y; Z) <= R on held-out data, also where the rate is small."""
    for beta in (1.0, 30.0):
        overrides = ["dataset=digits", "model.latent_dim=4", "objective=beta_vae", f"objective.beta={beta}",
                     "trainer.steps=400", "metrics=[rate_distortion,linear_probe]"]  # fmt: skip
        record = execute(with_data(compose([*overrides, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"])))
        rate = record.score("rate")
        probes = [s for s in record.scores if s.name == "linear_probe_nats" and s.representation == "sample"]
        assert probes
        for probe in probes:
            assert probe.value <= rate.value + 4 * math.hypot(probe.stderr, rate.stderr)
