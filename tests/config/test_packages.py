"""A user's own package: its functions and YAML count as ours do, and nothing else does."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest

from benchmark.__main__ import main
from benchmark.cli import planned
from benchmark.config.components import ConfigurationError
from benchmark.config.compose import Composer, compose
from benchmark.config.packages import named_in, package
from benchmark.config.source import Source
from benchmark.experiment import execute
from benchmark.measure.engine import MetricFailed, needs_densities
from benchmark.reporting.analyses.warnings import _mixed
from benchmark.store.manifest import read_manifest
from benchmark.store.provenance import package_state
from benchmark.store.record import Record, read_folder
from benchmark.sweeping.prepare import prepare
from benchmark.sweeping.sweep import perform_all
from benchmark.trained import load
from tests.support.choices import ROOT
from tests.support.own_package import CODE, install, write_package


def test_its_choices_are_choices_and_its_functions_targets(place):
    write_package(place)
    found = compose(["packages=[mypkg]", "experiment=mine/smoke", "metrics=[spread,log_prior,rate_distortion]"])
    assert found.objective.target == "mypkg.tempered"
    assert found.packages == ("mypkg",)
    assert "'packages=[mypkg]'" in found.command
    assert {metric.name: needs_densities(metric) for metric in found.metrics} == {
        "log_prior": True, "rate_distortion": True, "spread": False,
    }  # fmt: skip
    everything = {metric.name for metric in compose(["packages=[mypkg]"]).metrics}
    assert everything == {metric.name for metric in compose([]).metrics} | {"spread", "log_prior"}
    with pytest.raises(ConfigurationError, match="objective=tempered: no such choice"):
        compose(["objective=tempered"])
    with pytest.raises(ConfigurationError, match="is outside of benchmark, models and metrics"):
        compose(["objective._target_=mypkg.tempered"])


def test_the_identity_of_a_run_of_ours_does_not_change_beside_it(place):
    write_package(place)
    assert compose(["packages=[mypkg]", "objective=iwae"]).identity == compose(["objective=iwae"]).identity
    found = compose(["packages=[mypkg]", "objective=tempered"]).identity["objective"]
    assert found == {"_target_": "mypkg.tempered", "temperature": 0.5}


def test_an_installed_one_needs_no_naming(place, capsys):
    write_package(place)
    install(place)
    assert compose(["experiment=mine/smoke"]).objective.target == "mypkg.tempered"
    assert package_state("mypkg")["version"] == "1.2"
    assert main(["--help"]) == 0
    assert "  tempered            The ELBO with a tempered likelihood. (mypkg)\n" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["experiment", "primary"])
def test_a_yaml_of_the_users_may_name_it(place, where):
    write_package(place)
    folder = place / "yaml"
    (folder / "experiment").mkdir(parents=True)
    (folder / "experiment" / "own.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /objective: tempered\n  - _self_\npackages: [mypkg]\n"
    )
    (folder / "first.yaml").write_text(
        "defaults: [config, {override objective: tempered}, _self_]\npackages: [mypkg]\n"
    )
    overrides, name = (["experiment=own"], None) if where == "experiment" else ([], "first")
    found = Composer(Source.of(overrides, name, str(folder))).plan(overrides)
    assert found.objective.target == "mypkg.tempered"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("packages=mypkg", "packages=mypkg: write a list, such as packages=[mypkg]"),
        ("packages=[nosuchpkg]", "'nosuchpkg' cannot be imported, there is no such module"),
        ("packages=[os]", "'os' is no package: make it a folder"),
        ("packages=[json]", "'json' has no folder conf/"),
        ("packages=[models]", "'models' is the name of a package of this benchmark"),
        ("packages=[a.b]", "'a.b' is no name of a package"),
        (
            "packages=[mypkg,other]",
            "'other' has conf/experiment/mine/smoke.yaml, the name of a choice of mypkg; give it another",
        ),
        ("packages=[hides]", "'hides' has conf/objective/elbo.yaml, the name of a choice of this benchmark"),
        ("packages=[all]", "'all' has conf/metrics/auto.yaml, the name of a choice of this benchmark"),
    ],
)
def test_what_is_none_is_refused_in_one_line(place, capsys, typed, said):
    write_package(place)
    write_package(place, "other")
    write_package(place, "hides", **{"objective/elbo": "# Mine.\n_target_: hides.tempered\n"})
    write_package(place, "all", **{"metrics/auto": "# Mine.\n"})
    assert main([typed, "dataset=digits"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert said in told[0]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "'mypkg.tempered' cannot be found (SystemExit: 3)"),
        ("def f(:", "'mypkg.tempered' cannot be found (SyntaxError: "),
        (
            "from math import floor as tempered",
            "'mypkg.tempered' is no function or class of benchmark, models, metrics",
        ),
        (
            "def tempered(model: 'VAE', batch, *, temperature=1): ...",
            "'mypkg.tempered' has a type that is not imported",
        ),
    ],
)
def test_a_module_that_does_anything_else_is_one_line(place, capsys, code, said):
    write_package(place, code=code)
    assert main(["packages=[mypkg]", "objective=tempered", "dataset=digits"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert said in told[0]


def test_a_metric_that_is_none_is_said(place):
    write_package(place, code=CODE.replace("representation: Representation, rng", "representation: int, rng"))
    [metric] = compose(["packages=[mypkg]", "metrics=[spread]"]).metrics
    with pytest.raises(ConfigurationError, match=r"mypkg.spread is no metric; a metric takes"):
        needs_densities(metric)
    sys.modules.pop("mypkg")


def test_a_sweep_of_it_through_workers(place, cache_dir, capsys):
    """Another process imports it, its record names it, and a change of its source is said."""
    folder = write_package(place)
    typed = ["packages=[mypkg]", "experiment=mine/smoke", "seed=0", f"results_dir={place}/r"]
    typed += [f"cache_dir={cache_dir}"]
    plans = prepare(planned(Composer(Source.of(typed)), typed))
    assert perform_all(plans, typed) == []
    records, _ = read_folder(place / "r" / "mine" / "smoke")
    assert {record.score("spread").value > 0 and record.score("log_prior").unit for _, record in records} == {"nats"}
    assert len(records) == 1
    text = CODE.encode()
    expected = hashlib.sha256(b"__init__.py\0%d\0" % len(text) + text).hexdigest()
    for run, record in records:
        assert record.provenance["packages"] == {"mypkg": {"version": "unknown", "sha256": expected}}
        assert load(run, cache_dir=cache_dir).decode([[0.0] * 4]).shape == (1, 1, 8, 8)
    assert all("'packages=[mypkg]'" in text for text in read_manifest(place / "r/mine/smoke")["runs"].values())
    assert main(["report", f"{place}/r/mine/smoke", "packages=[mypkg]"]) == 0
    assert "`spread`: mean power of the distance" in (place / "r/mine/smoke/leaderboard.md").read_text().replace(
        "**", ""
    )
    (folder / "__init__.py").write_text(CODE + "\n# another\n")
    package_state.cache_clear()
    capsys.readouterr()
    assert perform_all(plans, typed) == []
    assert "note: reuses runs made with other packages: mypkg (force=true repeats them)" in capsys.readouterr().out


def test_evaluate_takes_its_metrics(place, capsys):
    import numpy as np

    write_package(place)
    codes = np.random.default_rng(0).normal(size=(200, 3))
    np.savez(place / "codes.npz", codes=codes, factors=np.arange(200)[:, None] % 3)
    assert main(["evaluate", str(place / "codes.npz"), "packages=[mypkg]", "metrics=[spread]"]) == 0
    assert "spread ↑" in capsys.readouterr().out
    assert main(["evaluate", str(place / "codes.npz"), "packages=[mypkg]", "metrics=[log_prior]"]) == 2
    assert "needs a model and its densities; codes have none" in capsys.readouterr().err


def test_hydra_answers_about_its_choices(place):
    write_package(place)
    typed = ["--cfg", "job", "packages=[mypkg]", "objective=tempered"]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(place)!r}, {str(ROOT)!r}]\n"
               f"from benchmark.__main__ import main; sys.exit(main({typed!r}))"]  # fmt: skip
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "_target_: mypkg.tempered" in told


def test_names_are_read_as_hydra_reads_them():
    assert named_in(["seed=1", "packages=[a, 'b',\"c\"]"]) == ["a", "b", "c"]
    assert named_in(["packages=[a]", "++packages=[b]"]) == ["b"]
    assert named_in(["packages=[]"]) == named_in([]) == []
    with pytest.raises(ConfigurationError, match="is no name of a package"):
        package("__main__.x")


def test_a_report_says_that_runs_come_from_several_sources_of_it():
    one, other = ({"mypkg": {"version": "1", "sha256": letter * 64}} for letter in "ab")
    without = Record("finished", {}, {})
    records = [replace(without, provenance={"packages": known}) for known in (one, other)]
    assert _mixed([record.provenance for record in [*records, without]]) == [
        "records come from several sources of mypkg (aaaaaaaaaa, bbbbbbbbbb)"
    ]
    assert _mixed([record.provenance for record in [records[0], without]]) == []


def test_a_metric_that_raises_is_named_before_and_after_training(place, cache_dir, capsys, monkeypatch):
    write_package(
        place, code=CODE.replace("    value = float(", "    raise RuntimeError('cannot do this')\n    value = float(")
    )
    typed = [
        "packages=[mypkg]",
        "dataset=digits",
        "metrics=[spread,log_prior]",
        "trainer.steps=1",
        "model.latent_dim=2",
    ]
    typed += [f"results_dir={place}/r", f"cache_dir={cache_dir}"]
    assert main(typed) == 2
    assert capsys.readouterr().err == "error: metrics=[spread]: RuntimeError: cannot do this\n"
    assert not (place / "r").exists()  # before anything runs
    [plan] = prepare([compose([*typed[:2], "metrics=[log_prior]", *typed[3:]])])
    plan = replace(plan, metrics=compose(typed).metrics)
    monkeypatch.setattr("benchmark.experiment.rehearse_metrics", lambda *_: None)  # on few codes it did not raise
    with pytest.raises(MetricFailed, match=r"^metrics=\[spread\]: RuntimeError: cannot do this$"):
        execute(plan)
    [(_, record)] = read_folder(place / "r" / "single")[0]
    assert record.error_line == "MetricFailed: metrics=[spread]: RuntimeError: cannot do this"
    assert "raise RuntimeError('cannot do this')" in record.error["traceback"]
