"""Sweepers and launchers of others: what a run returns to them, and that files and report are as of our own."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper

from benchmark.__main__ import main
from benchmark.experiment import execute
from benchmark.store.manifest import read_manifest
from benchmark.store.record import FILE, read_record
from benchmark.sweeping.validation import validated
from benchmark.training.loading import load_dataset
from tests.support.own_package import write_package

CHOSEN = ["dataset=digits", "model.latent_dim=3", "trainer.steps=40", "metrics=[evidence]"]


class Best(Sweeper):
    """Tries two learning rates one after the other, and writes down what came back."""

    def setup(self, *, hydra_context, task_function, config):
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        jobs = [[*arguments, f"trainer.learning_rate={rate}"] for rate in (1e-3, 1e-2)]
        found = [job.return_value for job in self.launcher.launch(jobs, initial_job_idx=0)]
        (Path(self.config.hydra.sweep.dir) / "found.txt").write_text(" ".join(map(str, found)))


class Here(BasicLauncher):
    """Hydra's own launcher by another name."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to stand in, while two plugins are installed."""
    Plugins.instance()  # looks around once for what is installed
    package, module = ModuleType("hydra_plugins"), ModuleType("hydra_plugins.mine")
    package.mine = module
    monkeypatch.setitem(sys.modules, "hydra_plugins", package)
    monkeypatch.setitem(sys.modules, "hydra_plugins.mine", module)
    for plugin, group, name in ((Best, "hydra/sweeper", "best"), (Here, "hydra/launcher", "here")):
        setattr(module, plugin.__name__, plugin)
        monkeypatch.setattr(plugin, "__module__", "hydra_plugins.mine")
        Plugins.instance().register(plugin)
        node = {"_target_": f"hydra_plugins.mine.{plugin.__name__}"}
        ConfigStore.instance().store(group=group, name=name, node=node, provider="test")
    (tmp_path / "stand").mkdir()
    monkeypatch.chdir(tmp_path / "stand")
    return tmp_path / "stand"


def test_a_sweeper_gets_the_score_of_the_validation_split(place, cache_dir, capsys):
    optimise = ["optimise=iwae_10", "metrics.evidence.num_samples=10", "rank_by=iwae_10"]
    code = main(["-m", "hydra/sweeper=best", *optimise, *CHOSEN, "results_dir=r", f"cache_dir={cache_dir}"])
    told = capsys.readouterr()
    assert code == 0, told.err
    folder = place / "r" / "single"
    found = [float(text) for text in (folder / "found.txt").read_text().split()]
    records = [read_record(path.parent) for path in folder.rglob(FILE)]
    tested = {record.config["trainer"]["learning_rate"]: record.score("iwae_10").value for record in records}
    assert found == pytest.approx([tested[0.001], tested[0.01]], abs=3)
    assert not set(found) & set(tested.values())
    assert told.out.count("of the validation split") == 2
    assert (folder / "leaderboard.md").exists()
    assert not any(str(value) in (folder / "scores.csv").read_text() for value in found)
    assert [path.name for path in place.iterdir()] == ["r"]


def test_a_sweeper_that_waits_for_a_number_is_told_of_a_failure(place, cache_dir, capsys):
    wrong = ["trainer.clip_norm=1", "optimise=iwae_100", "objective=autoencoder"]
    code = main(["-m", "hydra/sweeper=best", *wrong, *CHOSEN, "results_dir=r", f"cache_dir={cache_dir}"])
    err = capsys.readouterr().err
    assert code == 2
    assert "metrics=[evidence]: a deterministic code has no density, so no importance weights" in err


def test_another_launcher_runs_what_is_missing(place, cache_dir, capsys, monkeypatch):
    monkeypatch.syspath_prepend(write_package(place.parent, "launched").parent)
    arguments = ["hydra/launcher=here", "-m", "seed=0,1", "model=noise", "dataset=digits", "metrics=[spread]"]
    code = main([*arguments, "packages=[launched]", "results_dir=r", f"cache_dir={cache_dir}"])
    assert code == 0, capsys.readouterr().err
    folder = place / "r" / "single"
    assert len(list(folder.rglob(FILE))) == 2
    assert len(json.loads((folder / "experiment.json").read_text())["runs"]) == 2
    assert [path.name for path in place.iterdir()] == ["r"]
    assert not logging.getLogger("benchmark.datasets.cache").disabled  # its warnings are heard in a job too


NOISE = ["model=noise", "dataset=digits", "metrics=[information]"]


def test_runs_that_a_sweeper_chooses_add_themselves_to_what_the_experiment_says(place, cache_dir, capsys):
    claim = (
        "{text: a slow one is cheaper, metric: rate, relation: less, left: {trainer: default}, right: {trainer: fast}}"
    )
    said = ["note=by and by", "rank_by=distortion", f"claims=[{claim}]"]
    rates = ["metrics=[rate_distortion]", "dataset=digits", "model.latent_dim=2", "trainer.steps=5"]
    folder = place / "r" / "single"
    folder.mkdir(parents=True)
    (folder / "experiment.json").write_text("{")
    code = main(["-m", "hydra/sweeper=best", *said, *rates, "results_dir=r", f"cache_dir={cache_dir}"])
    told = capsys.readouterr()
    assert code == 0, told.err
    assert "experiment.json is no JSON" in told.err
    manifest = read_manifest(folder)
    names = {path.parent.name for path in folder.rglob(FILE)}
    assert len(names) == 2
    assert set(manifest["runs"]) == set(manifest["planned"]) == names
    assert len(manifest["configurations"]) == 2
    page = (folder / "leaderboard.md").read_text()
    assert "by and by" in page
    assert "by distortion" in page
    assert "a slow one is cheaper" in page


def test_what_a_sweeper_cannot_be_given_is_refused_before_it_starts(place, cache_dir, capsys):
    arguments = ["-m", "hydra/sweeper=best", *NOISE, f"cache_dir={cache_dir}", "results_dir=r"]
    assert main([*arguments, "claims=[{text: a}]"]) == 2
    assert "claim 'a' lacks the key 'metric'" in capsys.readouterr().err
    assert main([*arguments, "dry_run=true"]) == 0
    assert "the sweeper chooses the runs" in capsys.readouterr().out
    assert not list(place.iterdir())


@pytest.fixture
def login_node(place, monkeypatch):
    """A machine without GPUs."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    return place


@pytest.mark.parametrize("plugins", [["seed=0,1"], ["hydra/sweeper=best"], ["hydra/launcher=here", "device=mps"]])
def test_a_device_that_the_runs_cannot_have_is_refused_before_anything_runs(login_node, cache_dir, capsys, plugins):
    assert main(["-m", "device=cuda", *plugins, *NOISE, "results_dir=r", f"cache_dir={cache_dir}"]) == 2
    assert capsys.readouterr().err.startswith("error: device=")
    assert not list(login_node.iterdir())


def test_the_device_is_looked_for_where_a_launcher_runs_them(login_node, cache_dir, capsys):
    arguments = ["-m", "hydra/launcher=here", "device=cuda", *NOISE, f"cache_dir={cache_dir}", "results_dir=r"]
    assert main([*arguments, "dry_run=true"]) == 0
    assert "1 runs, 1 left" in capsys.readouterr().out
    assert main(arguments) == 1
    [record] = [read_record(path.parent) for path in login_node.rglob(FILE)]
    assert record.error_line == "ConfigurationError: device=cuda: this machine has 0 CUDA devices; use device=auto"
    assert record.error_line in capsys.readouterr().out


def test_hydras_own_sweeper_is_ours(place, cache_dir, capsys):
    chosen = ["-m", "hydra/sweeper=basic", "model=noise", "dataset=digits", f"cache_dir={cache_dir}"]
    assert main([*chosen, "seed=0,1", "dry_run=true"]) == 0
    assert "2 runs, 2 left" in capsys.readouterr().out
    assert not list(place.iterdir())
    Path("experiment").mkdir()
    Path("experiment/odd.yaml").write_text("# @package _global_\nhydra: {sweeper: {params: {seed: '0,1'}}}\n")
    assert main([*chosen, "--config-dir=.", "experiment=odd"]) == 2
    assert capsys.readouterr().err.startswith("error: hydra.sweeper.params: is not read here")


def test_a_score_of_the_validation_split_is_of_its_examples(plan_of_run):
    """A share of so many examples: of the validation split, not of the test split."""
    plan = plan_of_run("optimise=linear_probe_accuracy[sample]", "metrics=[linear_probe]")
    execute(plan)
    value = validated(plan)
    score = read_record(plan.folder).score("linear_probe_accuracy", "sample", num_labels=400)
    splits = load_dataset(plan.dataset, plan.settings).splits
    assert len(splits["validation"]) != len(splits["test"])
    assert 0 < value < 1
    assert value != score.value
    assert value * len(splits["validation"]) == pytest.approx(round(value * len(splits["validation"])))


@pytest.mark.parametrize(
    ("name", "said"), [("rate", "has none .codes of a reference"), ("mig_hist", "has no such score; add its metric")]
)
def test_what_does_not_exist_cannot_be_optimised(plan_of_run, name, said):
    plan = plan_of_run(f"optimise={name}", "model=noise", "metrics=[rate_distortion]")
    execute(plan)
    with pytest.raises(ValueError, match=f"optimise={name}: this run {said}"):
        validated(plan)
