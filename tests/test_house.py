"""Lines that the house is built along: who imports whom, how long files are, and that every YAML composes."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmark.config.components import PACKAGES
from benchmark.config.guide import description, guide
from benchmark.store.codes import FILE as CODES
from benchmark.store.groups import COMPONENTS, EVERY
from benchmark.store.record import Record, write_record
from benchmark.store.versions import SCORES
from benchmark.training.loading import with_data
from tests.support.choices import CONF, names_in
from tests.support.composing import compose

ROOT = CONF.parent
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


# What a room of benchmark may see, beside itself. Commands, cli.py and the Python face see everything.
SEEN = {
    "store": set(),
    "datasets": {"store"},
    "config": {"store", "datasets"},
    "training": {"store", "datasets", "config"},
    "drawing": {"store"},
    "measure": {"store", "datasets", "config", "training", "drawing"},
    "checks": {"store", "datasets", "config", "training", "drawing", "measure"},
    "experiment": {"store", "datasets", "config", "training", "drawing", "measure"},
    "trained": {"store", "datasets", "config", "training", "measure"},
    "sweeping": {"store", "datasets", "config", "training", "measure", "experiment"},
    "reporting": {"store", "drawing"},
    "shadows": set(),
    "ending": {"config", "store"},
}


@pytest.mark.parametrize("room", sorted(SEEN))
def test_rooms_import_one_way(room):
    paths = [*(ROOT / "benchmark" / room).rglob("*.py"), *(ROOT / "benchmark").glob(f"{room}.py")]
    assert paths
    for path in paths:
        assert rooms_of(path) - {room} <= SEEN[room], path


def test_every_room_has_a_place_in_the_order():
    ours = {
        path.stem for path in (ROOT / "benchmark").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert ours - set(SEEN) == {"__init__", "__main__", "check", "cli", "evaluate", "notebook", "report"}


def test_no_two_modules_import_each_other():
    graph = {name_of(path): modules_of(path) for path in (ROOT / "benchmark").rglob("*.py")}
    left = {name: {other for other in seen if other in graph} - {name} for name, seen in graph.items()}
    while free := [name for name, seen in left.items() if not seen]:
        left = {name: seen - set(free) for name, seen in left.items() if name not in free}
    assert not left


def name_of(path: Path) -> str:
    """The dotted name of a module of ours."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules_of(path: Path) -> set[str]:
    """Dotted names of the modules of benchmark that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmark"):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            places = [ROOT / Path(*name.split(".")) for name in inner]
            are_modules = [place.with_suffix(".py").exists() or place.is_dir() for place in places]
            found |= {name if module else node.module for name, module in zip(inner, are_modules, strict=True)}
    return found - {"benchmark"}


def rooms_of(path: Path) -> set[str]:
    """The rooms of benchmark that a file imports from."""
    return {name.split(".")[1] for name in modules_of(path)}


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_imports_point_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        assert not imports_of(path) & FORBIDDEN[package], path


def test_no_file_is_longer_than_300_lines():
    for package in ("benchmark", "models", "metrics"):
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 300, path


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in COMPONENTS for name in names_in(group)])
def test_every_choice_composes_and_has_a_description(group, name):
    path = CONF / group / f"{name}.yaml"
    assert description(path), f"{path} must open with a comment line, --help prints it"
    value = f"[{name}]" if group == "metrics" else name
    plan = compose([f"{group}={value}"])
    component = plan.parts.get(group) if group != "metrics" else plan.metrics[0]
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
    for group in EVERY:
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
