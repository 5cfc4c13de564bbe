"""The Python face: a run comes back as a model, a folder as a table, a record as rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmark import load, results, sweep
from benchmark.experiment import execute
from benchmark.training.loading import with_data
from benchmark.training.pixels import Pixels
from metrics.core import Score
from tests.support.choices import TINY
from tests.support.composing import compose


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """One tiny run for all tests here."""
    folder = tmp_path_factory.mktemp("face")
    plan = with_data(compose([*TINY, "objective=beta_vae", f"results_dir={folder}", f"cache_dir={folder}"]))
    return plan.folder, execute(plan), folder


def test_a_trained_model_comes_back(run_folder):
    folder, record, cache = run_folder
    trained = load(folder, cache_dir=str(cache))
    images = trained.images()
    codes = trained.encode(images[:7])
    assert codes.shape == (7, 4)
    assert np.array_equal(codes, trained.encode(images[:7, 0]))  # grey images need no axis of colours
    assert trained.posterior(images[:2]).stddev.shape == (2, 4)
    assert trained.decode(codes).shape == images[:7].shape
    assert np.array_equal(trained.sample(3, seed=1), trained.sample(3, seed=1))
    assert trained.history["step"].tolist() == [0, 10, 20, 30]
    assert trained.record == record
    drawn = Pixels(trained.dataset, "test", torch.device("cpu")).drawn(0, "test")
    kept = np.load(folder / "codes.npz")["test_mean"]
    np.testing.assert_allclose(trained.encode(drawn.numpy()), kept, atol=1e-5)


def test_what_cannot_be_loaded_is_said_in_one_line(run_folder, tmp_path):
    folder, _, cache = run_folder
    trained = load(folder, cache_dir=str(cache))
    with pytest.raises(ValueError, match=r"^images have shape \(2, 3\), expected \(N, 1, 8, 8\)$"):
        trained.encode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"^codes have shape \(2, 3\), expected \(N, 4\)$"):
        trained.decode(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="test"):
        trained.images("tset")
    (folder / "model.safetensors").rename(tmp_path / "away")
    with pytest.raises(ValueError, match="weights are missing or damaged"):
        load(folder, cache_dir=str(cache))
    (tmp_path / "away").rename(folder / "model.safetensors")


def test_a_folder_is_one_table_with_a_column_per_option(run_folder):
    folder, record, _ = run_folder
    frame = results(folder.parent.parent)
    assert len(frame) == len(record.scores)
    assert frame["objective.beta"].unique().tolist() == [4.0]
    assert frame["trainer.steps"].unique().tolist() == [30]


def test_a_record_shows_itself_and_says_what_there_is(run_folder):
    _, record, _ = run_folder
    assert len(record.to_frame()) == len(record.scores)
    assert "<table" in record._repr_html_()
    assert record.score("active_units").representation == "mean"
    with pytest.raises(KeyError, match=r"no score 'nope'; there are .*elbo"):
        record.score("nope")


def test_too_little_said_of_a_score_lists_what_there_is():
    from dataclasses import replace

    from benchmark.store.record import Record

    probe = Score("linear_probe_accuracy", 0.5, None, "accuracy", "higher", "mean", num_labels=100)
    record = Record(
        "finished", {}, {}, (probe, replace(probe, num_labels=1000), replace(probe, representation="sample"))
    )
    assert record.score("linear_probe_accuracy", num_labels=1000).num_labels == 1000
    with pytest.raises(KeyError, match="representation=mean, num_labels=100; representation=mean, num_labels=1000"):
        record.score("linear_probe_accuracy", "mean")


def test_a_grid_of_runs_comes_back_as_one_table(tmp_path, cache_dir, capsys):
    asked = [*TINY, "metrics=[rate_distortion]", "trainer.steps=3", "objective=elbo,iwae", f"cache_dir={cache_dir}"]
    frame = sweep(asked, results_dir=tmp_path, workers=1)
    assert set(frame["objective"]) == {"elbo", "iwae"}
    assert frame["value"].notna().all()
    told = json.loads((tmp_path / "single" / "experiment.json").read_text())
    assert told["command"].startswith("python -m benchmark -m dataset=digits ")
    assert "objective=elbo,iwae" in told["command"]
    capsys.readouterr()
    assert sweep(asked, results_dir=tmp_path).equals(frame)
    assert "2 finished, 0 to do" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"objective\.beta: no such"):
        sweep(["objective=elbo", "objective.beta=1,2"], results_dir=tmp_path)
