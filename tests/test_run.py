"""Runs and sweeps end to end on tiny models: one seed gives one record, and nothing that goes wrong is lost."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from benchmark import run as run_from_python
from benchmark.config.components import ConfigurationError
from benchmark.experiment import execute, missing_metrics
from benchmark.store.lock import Busy, claimed
from benchmark.store.record import FILE, read_record
from benchmark.sweeping.prepare import prepare
from benchmark.training.setup import REHEARSAL
from models.posteriors import Encoder
from tests.support.choices import TINY


def content(folder):
    return json.loads((folder / FILE).read_text())


def test_the_same_seed_gives_the_same_record(plan_of_run, tmp_path):
    first = execute(plan_of_run(f"results_dir={tmp_path / 'a'}"))
    second = execute(plan_of_run(f"results_dir={tmp_path / 'b'}"))
    assert first.config == second.config
    assert first.scores == second.scores
    third = execute(plan_of_run("seed=1"))
    assert third.scores != first.scores


def test_a_run_leaves_everything_behind(plan_of_run):
    plan = plan_of_run()
    record = execute(plan)
    assert record == read_record(plan.folder)
    files = {path.name for path in plan.folder.iterdir() if not path.name.startswith(".")}
    assert files >= {"record.json", "model.safetensors", "model.json", "history.csv", "codes.npz"}
    assert files >= {"reconstructions.png", "prior_samples.png", "traversals.png"}
    rows = (plan.folder / "history.csv").read_text().splitlines()
    assert len(rows) == 1 + 1 + 3
    assert [row.split(",")[-1] for row in rows] == ["kept", "False", "False", "False", "True"]
    assert record.provenance["kept_step"] == 30
    codes = np.load(plan.folder / "codes.npz", allow_pickle=False)
    assert codes["test_mean"].shape == (len(codes["test_factors"]), 4)
    assert record.group.startswith("digits/dynamic/counting/")
    assert record.score("rate").value > 0
    assert record.score("elbo").value == pytest.approx(-record.score("rate").value - record.score("distortion").value)


def test_a_finished_run_is_not_repeated_and_force_repeats_it(plan_of_run):
    plan = plan_of_run()
    execute(plan)
    before = (plan.folder / FILE).stat().st_mtime_ns
    execute(plan)
    assert (plan.folder / FILE).stat().st_mtime_ns == before
    execute(plan_of_run("force=true"))
    assert (plan.folder / FILE).stat().st_mtime_ns > before


def test_a_new_metric_rescores_from_the_checkpoint(plan_of_run):
    plan = plan_of_run("metrics=[rate_distortion]")
    first = execute(plan)
    weights = (plan.folder / "model.safetensors").stat().st_mtime_ns
    both = plan_of_run("metrics=[rate_distortion,evidence]")
    assert [metric.name for metric in missing_metrics(both, first)["amortised"]] == ["evidence"]
    second = execute(both)
    assert (plan.folder / "model.safetensors").stat().st_mtime_ns == weights
    assert second.names() == first.names() | {"iwae_100", "effective_sample_size"}
    assert second.score("rate") == first.score("rate")
    assert execute(plan_of_run("metrics=[evidence]")) == second  # what was measured stays


def test_metrics_do_not_depend_on_each_other(plan_of_run, tmp_path):
    alone = execute(plan_of_run("metrics=[rate_distortion]", f"results_dir={tmp_path / 'alone'}"))
    among = execute(plan_of_run("metrics=[evidence,rate_distortion,information]", f"results_dir={tmp_path / 'among'}"))
    assert among.score("distortion") == alone.score("distortion")


def test_a_lost_record_is_rebuilt_from_the_checkpoint(plan_of_run):
    plan = plan_of_run()
    first = execute(plan)
    weights = (plan.folder / "model.safetensors").stat().st_mtime_ns
    (plan.folder / FILE).unlink()
    again = execute(plan)
    assert again.scores == first.scores
    assert again.provenance["kept_step"] == first.provenance["kept_step"]
    assert (plan.folder / "model.safetensors").stat().st_mtime_ns == weights


def test_a_damaged_checkpoint_is_trained_again(plan_of_run):
    plan = plan_of_run()
    first = execute(plan)
    (plan.folder / FILE).unlink()
    (plan.folder / "model.safetensors").write_bytes(b"broken")
    assert execute(plan).scores == first.scores


def test_a_tampered_record_is_made_again_and_kept(plan_of_run, capsys):
    plan = plan_of_run()
    first = execute(plan)
    text = (plan.folder / FILE).read_text()
    (plan.folder / FILE).write_text(text.replace('"value":', '"value":1', 1))
    assert execute(plan).scores == first.scores
    assert f"note: {plan.folder}: record.json was changed after it was written" in capsys.readouterr().err
    assert '"value":1' in (plan.folder / "record.damaged.json").read_text()
    (plan.folder / FILE).unlink()
    (plan.folder / FILE).mkdir()
    assert execute(plan).scores == first.scores
    error = capsys.readouterr().err
    assert "record.json is no file; it is kept as record.damaged-2.json; the run is repeated" in error
    assert "weights" not in error  # from the checkpoint, without training


def test_a_run_that_raises_is_recorded_and_can_be_repeated(plan_of_run):
    plan = plan_of_run("trainer.learning_rate=1e30")
    with pytest.raises(FloatingPointError, match="no longer finite at step"):
        execute(plan)
    record = read_record(plan.folder)
    assert record.status == "failed"
    assert record.error["type"] == "FloatingPointError"
    assert record.error["command"] == plan.command
    assert plan.command in record.error["message"]
    with pytest.raises(FloatingPointError):
        execute(plan)


def test_an_autoencoder_has_no_rate_and_says_why(plan_of_run):
    record = execute(plan_of_run("objective=autoencoder"))
    for name in ("rate", "elbo", "mutual_information"):
        assert record.score(name).value is None
        assert re.search("deterministic|point code", record.score(name).reason)
    assert record.score("distortion").value > 0


@pytest.mark.parametrize("model", ["pca", "ica", "pixels", "truth", "rotated_truth", "noise"])
def test_references_are_runs_like_any_other(tmp_path, cache_dir, model):
    overrides = ["dataset=digits", f"model={model}", "metrics=[rate_distortion,linear_probe]"]
    record = run_from_python(overrides, results_dir=tmp_path, cache_dir=cache_dir)
    assert record.reference
    assert record.score("rate").value is None
    accuracy = max(score.value for score in record.scores if score.name == "linear_probe_accuracy")
    lowest, highest = {"truth": (1.0, 1.0), "rotated_truth": (1.0, 1.0), "noise": (0.0, 0.2)}.get(model, (0.8, 1.0))
    assert lowest <= accuracy <= highest


def test_an_explicit_metric_that_the_data_cannot_feed_is_an_error(plan_of_run):
    with pytest.raises(ConfigurationError, match=r"metrics=\[mig\]: .*factors"):
        prepare([plan_of_run("metrics=[mig]")])
    record = execute(plan_of_run("metrics=auto"))
    assert "mig" in record.left_out
    assert "factors" in record.left_out["mig"]


def test_one_run_at_a_time_in_a_folder(plan_of_run):
    plan = plan_of_run()
    with claimed(plan.folder, wait=False), pytest.raises(Busy):
        execute(plan, wait=False)
    execute(plan, wait=False)


def test_run_from_python(tmp_path, cache_dir):
    record = run_from_python(TINY, results_dir=tmp_path, cache_dir=cache_dir, seed=2)
    assert record.config["seed"] == 2
    assert record.status == "finished"


def test_the_command_line_says_mistakes_in_one_line(tmp_path, cache_dir):
    typed = [sys.executable, "-m", "benchmark", "objective=nope", f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]
    wrong = subprocess.run(typed, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: objective=nope: no such choice")
    assert len(wrong.stderr.splitlines()) == 1


def test_the_encoder_sees_each_image_once_in_an_evaluation(plan_of_run):
    """Whatever the metrics ask for; before, the rehearsal tries them on a few images."""
    seen = []

    def count(module, inputs, output):
        if isinstance(module, Encoder):
            seen.append(inputs[0])

    plan = plan_of_run(
        "dataset=sprites", "objective=untrained", "metrics=[rate_distortion,evidence,mig,beta_vae_score,information]"
    )
    hook = register_module_forward_hook(count)
    try:
        record = execute(plan)
    finally:
        hook.remove()
    assert {"beta_vae_score", "mig_hist", "rate", "iwae_100", "active_units"} <= record.names()
    images = torch.cat(seen)
    assert len(images) <= 6000 + 2 * REHEARSAL + 4  # probe-train and test, then what the rehearsal tried
    assert len(images) >= 6000


def test_a_damaged_description_of_the_weights_is_trained_again(plan_of_run, capsys):
    plan = plan_of_run("metrics=[rate_distortion]")
    first = execute(plan)
    (plan.folder / FILE).unlink()
    (plan.folder / "model.json").write_text("[]")
    assert execute(plan).scores == first.scores
    assert "the weights cannot be used" in capsys.readouterr().err
