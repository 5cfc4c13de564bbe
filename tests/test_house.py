"""Lines that the house is built along: who imports whom, how long files are, and that every YAML composes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import CONF, names_in

from benchmark.codes import FILE as CODES
from benchmark.components import PACKAGES
from benchmark.compose import compose
from benchmark.guide import description, guide
from benchmark.loading import with_data
from benchmark.record import Record, write_record
from benchmark.versions import SCORES

ROOT = CONF.parent
GROUPS = ("dataset", "model", "objective", "trainer", "metrics")
FORBIDDEN = {"models": {"metrics", "benchmark", "sklearn"}, "metrics": {"models", "benchmark", "torch"}}


def imports_of(path: Path) -> set[str]:
    """Top-level names of everything a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not imports_of(path) & FORBIDDEN[package], path


def test_no_file_is_longer_than_300_lines():
    for package in ("benchmark", "models", "metrics"):
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 300, path


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in GROUPS for name in names_in(group)])
def test_every_choice_composes_and_has_a_description(group, name):
    path = CONF / group / f"{name}.yaml"
    assert description(path), f"{path} must open with a comment line, --help prints it"
    value = f"[{name}]" if group == "metrics" else name
    plan = compose([f"{group}={value}"])
    component = getattr(plan, group) if group != "metrics" else plan.metrics[0]
    if component is not None:
        component.build()


@pytest.mark.parametrize("name", names_in("experiment"))
def test_every_experiment_composes(name):
    assert description(CONF / "experiment" / f"{name}.yaml")
    assert compose([f"experiment={name}"]).experiment == name


def test_targets_stay_inside_our_packages():
    for path in CONF.rglob("*.yaml"):
        for node in _mappings(yaml.safe_load(path.read_text())):
            target = node.get("_target_")
            assert target is None or target.startswith(PACKAGES), path


def _mappings(value):
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _mappings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _mappings(inner)


def test_help_names_every_choice():
    text = guide()
    for group in (*GROUPS, "experiment"):
        for name in names_in(group):
            assert f"  {name} " in text, (group, name)


def test_help_needs_no_heavy_import():
    start = "import sys; sys.argv = ['x', '--help']; from benchmark.__main__ import main"
    code = f"{start}; main(); print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    modules = out.splitlines()[-1]
    assert not any(f"'{name}'" in modules for name in ("torch", "sklearn", "pandas", "hydra", "matplotlib"))


def test_a_finished_run_is_read_without_what_scores_and_draws(tmp_path):
    """torch stays: the types of options stand in signatures beside the models."""
    arguments = ["dataset=digits", "metrics=auto", "trainer.steps=1", f"results_dir={tmp_path}"]
    plan = with_data(compose(arguments))
    config = {**plan.identity, "metrics": {metric.name: metric.as_config() for metric in plan.metrics}}
    config |= {"evaluation_seed": plan.settings.evaluation_seed, "scores": SCORES}
    why = {name: f"{name} needs factors; there are none (use metrics=[elbo])" for name in ("mig", "dci")}
    write_record(plan.folder, Record("finished", plan.choices, config, left_out=why))
    (plan.folder / CODES).touch()
    code = f"import sys; from benchmark.__main__ import main; main({arguments}); print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    *said, modules = out.splitlines()
    assert said[-2:] == ["left out: dci, mig: need factors; there are none", f"folder: {plan.folder}"]
    heavy = ("sklearn", "scipy", "pandas", "lightgbm", "matplotlib", "seaborn")
    assert not [name for name in heavy if f"'{name}'" in modules]
