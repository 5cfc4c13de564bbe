"""The command line: flags anywhere, several studies, and every mistake in one line before anything runs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest

from benchmark.__main__ import main
from benchmark.config.commandline import parse
from benchmark.config.components import ConfigurationError
from tests.support.choices import CONF

TINY = ["dataset=digits", "metrics=[rate_distortion]"]
STUDY = """\
# @package _global_
defaults:
  - override /dataset: digits
  - override /metrics: [rate_distortion]
sweep:
  - {{model: noise, seed: [0, 1]}}
  - {{model: pca, seed: 0}}
claims:
  - {{text: {text}, metric: rate, left: {{model: noise}}, right: {{model: pca}}, relation: less}}
hydra: {{mode: MULTIRUN}}
"""


@pytest.fixture
def places(tmp_path, cache_dir):
    """Where a command of a test may write."""
    return [f"results_dir={tmp_path / 'results'}", f"cache_dir={cache_dir}"]


@pytest.fixture
def own(tmp_path):
    """A folder of configurations of the user's, with two studies."""
    folder = tmp_path / "own conf" / "experiment" / "mine"
    folder.mkdir(parents=True)
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(STUDY.format(text=f"claim of {name}"))
    return str(tmp_path / "own conf")


def said(capsys, *arguments):
    """The exit code, and what was printed on stderr."""
    code = main(arguments)
    return code, capsys.readouterr().err


def test_flags_stand_anywhere():
    command = parse(["dataset=digits", "-m", "seed=0,1", "--config-dir", str(CONF), "~objective"])
    assert command.overrides == ("dataset=digits", "seed=0,1", "~objective")
    assert command.multirun
    assert command.source.flags == ("--config-dir", str(CONF))
    assert parse(["seed=0"]).multirun is None
    assert parse(["seed=0", "--cfg", "job", "model=pca"]).question == ("--cfg", "job", "seed=0", "model=pca")


MISTAKES = {
    "-m seed=range(0,0)": "seed=range(0,0): there is no such value",
    "-m seed=glob(*)": "seed=glob(*): there is no such value",
    "-m sweep=[1]": "sweep[0]=1: Input should be a valid mapping",
    "~objective": "objective: there is none",
    "~dataset": "dataset: there is none",
    "~model": "model: there is none",
    "~trainer": "trainer: there is none",
    "metrics=null": "metrics=null: choose a name",
    "experiment=null": "experiment=null: leave it out",
    "experiment=higgins2017": "choose higgins2017/adagrad, higgins2017/gpu, higgins2017/laptop, higgins2017/paper or",
    "experiment=[quickstart,quickstart/smoke]": "choose a name",
    "--config-name=nope": "--config-name=nope: no such file; there are config",
    "--config-dir=nope": "--config-dir=nope: there is no such folder",
    "--config-path=nope": "--config-path: the YAML of the benchmark stays",
    "--experimental-rerun=nope": "--experimental-rerun: would unpickle a file",
    "--nope": "unrecognized arguments: --nope",
    "--resolve": "--resolve: goes with --cfg",
    "seed=1 --cfg=all objective=nope": "Could not find 'objective/nope'",
    "objective._target_=models.objectives.math": "objective._target_: 'models.objectives.math' is no function or class",
    "model=conv model.channels=[]": "model.channels=[]: List should have at least 1 item",
    "dataset=linear_gaussian dataset.eigenvalues=[1e300]": "dataset.eigenvalues[0]=1e+300: Input should be less than",
    "trainer.epochs=1": "trainer.steps=5000 and trainer.epochs=1.0: give exactly one",
    "-m trainer.epochs=1 seed=0,1": "trainer.steps=5000 and trainer.epochs=1.0: give exactly one",
    "-m trainer.optimizer_options.nope=1 seed=0,1": "optimizer_options.nope: torch.optim.Adam has no such option",
    "metrics=[mig]": "metrics=[mig]: ",
    "-m metrics=[rate_distortion],[information]": "metrics: two sets of them for one run",
    "-m threads=1,2": "threads: both 1 and 2 for one run",
    "-m workers=1,2 seed=0,1": "workers: 1 and 2 in one sweep",
    "seed=0,1": "seed=0,1: several values need -m",
    "sweep=[{seed:[0,1]}]": "sweep: needs -m",
    "claims=[]": "claims: needs -m",
    "rank_by=iwae50": "rank_by=iwae50: no such score, did you mean iwae_100",
    "rank_by=rate": "rank_by=rate: has no direction",
    "rank_by=mig_hist[means]": "rank_by=mig_hist[means]: no such representation",
    "optimise=iwae_50 metrics=[evidence]": "optimise=iwae_50: the runs measure iwae_100",
    "metrics.mig.bins=3 experiment=quickstart hydra.mode=RUN metrics=[dci]": "metrics.mig",
    "data_dir=/nope/nope": "data_dir=/nope/nope does not exist",
    "hydra/sweeper=optuna": "hydra/sweeper=optuna: no such choice",
    "dataset=digits,sprites objective=iwae": "dataset=digits,sprites: several values need -m",
    "objective=": "objective=: choose a name; there are",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_mistakes_end_in_one_line_before_anything_runs(arguments, capsys, places, tmp_path):
    given = shlex.split(arguments)
    code, err = said(capsys, *(["dataset=digits"] if "dataset" not in arguments else []), *given, *places)
    assert code == 2, err
    assert err.startswith("error: "), err
    assert MISTAKES[arguments] in err, err
    assert len(err.splitlines()) == 1, err
    assert not (tmp_path / "results").exists()


REMARKS = {
    "model=noise objective=iwae objective.num_samples=2": "objective=iwae objective.num_samples=2: ignored",
    "objective=untrained trainer.steps=7": "trainer.steps=7: ignored, for nothing is trained (objective=untrained)",
    "model=noise data_dir=.": "data_dir=.: dataset=digits reads no files",
}


@pytest.mark.parametrize("arguments", REMARKS)
def test_what_is_ignored_is_said(arguments, capsys, places):
    code, err = said(capsys, *TINY, *arguments.split(), *places, "dry_run=true")
    assert code == 0
    assert f"note: {REMARKS[arguments]}" in err


def test_a_list_of_studies_is_each_study_by_itself(capsys, places, own, tmp_path):
    """Its own sweep, claims, folder and report, and the worst exit code."""
    code, err = said(capsys, "-m", "experiment=mine/one,mine/two", "--config-dir", own, "workers=1", *places)
    assert code == 0, err
    for name in ("one", "two"):
        folder = tmp_path / "results" / "mine" / name
        assert len(list(folder.glob("runs/*/record.json"))) == 3
        assert [claim["text"] for claim in json.loads((folder / "claims.json").read_text())["claims"]] == [
            f"claim of {name}"
        ]
        assert (folder / "leaderboard.md").exists()
    assert not (tmp_path / "results" / "single").exists()


@pytest.mark.parametrize("chosen", ["experiment=mine/one,mine/two", "experiment=glob(mine/*)"])
def test_a_list_of_studies_needs_no_flag_and_takes_the_sweep_of_the_command_line(capsys, places, own, chosen):
    assert main([chosen, "--config-dir", own, "seed=3,4,5", "dry_run=true", *places]) == 0
    out = capsys.readouterr().out
    assert out.count("6 runs, 6 left") == 2
    for name in ("one", "two"):
        assert f"--config-dir {shlex.quote(own)} experiment=mine/{name} seed=3" in out


def test_one_wrong_study_stops_all_of_them(capsys, places, own, tmp_path):
    code, err = said(capsys, "-m", "experiment=mine/one,mine/tow", "--config-dir", own, *places)
    assert (code, err.count("\n")) == (2, 1)
    assert "experiment=mine/tow: no such choice; did you mean mine/two?" in err
    assert not (tmp_path / "results").exists()


def test_the_command_of_a_failed_run_repeats_it(capsys, places, own, tmp_path):
    arguments = [
        "--config-dir",
        own,
        "experiment=mine/one",
        "model=mlp",
        "trainer.learning_rate=1e30",
        "trainer.steps=9",
    ]
    code, _ = said(capsys, *arguments, "hydra.mode=RUN", *places)
    assert code == 1
    [path] = (tmp_path / "results").rglob("record.json")
    told = shlex.split(json.loads(path.read_text())["error"]["command"])
    assert told[:5] == ["python", "-m", "benchmark", "--config-dir", own]
    code, err = said(capsys, *told[3:])
    assert code == 1
    assert "no longer finite" in err


@pytest.mark.parametrize(
    "flags", ["--cfg job", "--cfg job --resolve", "--info searchpath", "--cfg hydra --package hydra.job"]
)
def test_hydra_answers_its_own_questions(capsys, flags):
    assert main([*flags.split(), "dataset=digits", "objective=iwae"]) == 0
    assert capsys.readouterr().out


def test_the_version_is_ours(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("betterbound ")


def test_a_reader_that_has_enough_is_no_error():
    reading = "import sys; sys.argv = ['x', '--help']; from benchmark.__main__ import main; sys.exit(main())"
    writer = subprocess.Popen(
        [sys.executable, "-c", reading], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CONF.parent
    )
    writer.stdout.close()
    assert writer.stderr.read() == ""
    assert writer.wait() == 141


def test_a_mistake_in_a_failed_attempt_leaves_no_state(capsys, places):
    """The same process goes on: what was wrong before does not matter after."""
    assert said(capsys, "objective=nope")[0] == 2
    with pytest.raises(ConfigurationError):
        parse(["--nope"])
    assert main([*TINY, "model=noise", "dry_run=true", *places]) == 0
