"""Ordinary sequences of commands into one folder: whatever was asked before, there is a leaderboard afterwards."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark import report
from benchmark.__main__ import main
from benchmark.experiment import execute
from benchmark.sweeping import sweep

SMALL = ("dataset=digits", "trainer.steps=5", "trainer.validations=1")
CHEAP = ("metrics=[rate_distortion]", "metrics.rate_distortion.num_samples=2")


@pytest.fixture
def command(tmp_path, cache_dir, monkeypatch):
    """A function that does what `python -m benchmark -m` does with its arguments, in this process."""
    monkeypatch.setattr(sweep, "perform", lambda plans, workers: [execute(plan) for plan in plans][:0])
    folders = [f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]

    def multirun(*arguments: str) -> pd.DataFrame:
        chosen = () if any(text.startswith("metrics=") for text in arguments) else CHEAP
        given = [*SMALL, *chosen, *arguments, *folders]
        assert main(["-m", *given]) == 0
        return board(tmp_path / "single")

    return multirun


def board(folder) -> pd.DataFrame:
    assert (folder / "leaderboard.md").exists()
    return pd.read_csv(folder / "leaderboard.csv")


def test_sweeps_with_other_metrics_objectives_and_options(command, tmp_path):
    assert set(command("objective=elbo,beta_vae", "seed=0")["metric"]) >= {"rate", "distortion", "elbo"}
    with_probe = command("objective=iwae", "seed=0", "metrics=[information,linear_probe]")
    assert set(with_probe["objective"]) == {"elbo", "beta_vae", "iwae"}
    assert report.main([str(tmp_path / "single")]) == 0
    assert board(tmp_path / "single").equals(with_probe)
    others = command("objective=beta_vae", "objective.beta=2,4,8", "seed=0", "model.latent_dim=3")
    assert others["varied"].str.contains("latent_dim=3").any()
    assert (tmp_path / "single" / "beta.png").exists()


def test_a_sweep_of_one_objective_then_of_codes_without_a_density(command):
    assert set(command("objective=iwae", "seed=0")["objective"]) == {"iwae"}
    found = command("objective=autoencoder", "seed=0")
    assert found[found["objective"] == "autoencoder"].set_index("metric").loc["rate", "reason"]
    assert set(command("model=pca", "metrics=[linear_probe]")["model"]) == {"mlp", "pca"}


def test_a_sweep_that_measures_something_else_of_the_same_runs(command):
    command("objective=elbo,beta_vae", "seed=0")
    both = command("objective=elbo", "seed=0", "metrics=[linear_probe]")
    assert {"rate", "linear_probe_accuracy"} <= set(both.loc[both["objective"] == "elbo", "metric"])
    assert "linear_probe_accuracy" not in set(both.loc[both["objective"] == "beta_vae", "metric"])
