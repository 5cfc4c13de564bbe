"""What README and CONTRIBUTING say to paste works when it is pasted: its names are free, and the laws hold of it."""

from __future__ import annotations

import re
import subprocess

import pytest

from benchmark.__main__ import main
from benchmark.config.compose import compose
from benchmark.config.guide import description
from benchmark.reporting.analyses.findings import checked
from benchmark.reporting.study import Study
from benchmark.store.groups import EVERY
from metrics.core import Score
from tests.support.choices import CONF, ROOT
from tests.support.own_package import YAML, write_package
from tests.support.records import record, runs

README = (ROOT / "README.md").read_text(encoding="utf-8")
HEAD = """
from models.types import NonNegative
from models.vae import VAE, Batch
from torch import Tensor
"""  # what models/objectives.py imports


def blocks(kind: str, heading: str, text: str = README) -> list[str]:
    """The fenced blocks of a kind below a heading."""
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_what_is_added_has_a_name_that_is_free():
    """In the example of a package, and in the package of the tests: whoever follows README breaks neither."""
    here = set(re.findall(r"`conf/(\w+/\w+)\.yaml`", README))
    theirs = set(re.findall(r"> mypkg/conf/(\w+/\w+)\.yaml", README))
    assert here == {"objective/floored", "metrics/best_r2"}
    assert theirs == {"objective/tempered", "experiment/warm"}
    assert not here & theirs
    assert not here & set(YAML)
    assert not [choice for choice in theirs if (CONF / f"{choice}.yaml").exists()]


@pytest.mark.parametrize(("group", "head", "name"), [("objective", HEAD, "floored"), ("metrics", "", "best_r2")])
def test_what_is_added_here_keeps_the_laws(place, capsys, group, head, name):
    """As if it were a package's, so that nothing has to be written into ours, where somebody may have pasted it."""
    [function] = [block for block in blocks("python", "Add your own") if f"def {name}" in block]
    target = re.compile(r"_target_: [\w.]+\.")
    [yaml] = [block for block in blocks("yaml", "Add your own") if name in block]
    write_package(place, code=head + function, **{f"{group}/pasted": target.sub("_target_: mypkg.", yaml)})
    assert main(["check", "mypkg"]) == 0
    assert f"ok      {group}/pasted: composes and builds" in capsys.readouterr().out


def test_the_package_of_readme_works_as_it_is_pasted(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    lines = "".join(blocks("bash", "Your own code")).splitlines()
    commands = [line for line in lines if line.startswith("python -m ")]
    said = "\n".join(line for line in lines if line not in commands)
    subprocess.run(["bash", "-eu", "-c", said], check=True)
    assert [command.split()[3] for command in commands] == ["check", "'packages=[mypkg]'", "'packages=[mypkg]'"]
    assert main(["check", "mypkg"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mypkg: every law holds"
    assert description(place / "mypkg/conf/experiment/warm.yaml")
    plan = compose(["packages=[mypkg]", "experiment=warm", "dry_run=true"])
    assert (plan.objective.target, plan.dataset.name) == ("mypkg.objectives.tempered", "digits")
    assert main(["packages=[mypkg]", "experiment=warm", "dry_run=true", f"results_dir={place}"]) == 0
    assert "6 runs" in capsys.readouterr().out


def test_the_analysis_of_contributing_finds_the_greatest_rate():
    [code] = blocks("python", "An analysis", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    space: dict = {"__name__": "greatest"}
    exec(code, space)
    rates = {"elbo": (3.0, 5.0), "iwae": (7.0, None)}
    scores = {of: [Score("rate", value, unit="nats", reason="why") for value in values] for of, values in rates.items()}
    given = [record(objective=of, seed=seed, scores=[score]) for of in scores for seed, score in enumerate(scores[of])]
    found = checked(space["greatest"](Study(CONF, runs(*given), {})))
    assert [section.lines for section in found.sections] == [["elbo: 5.0 nats (run-1)", "iwae: 7.0 nats (run-2)"]]
    assert list(found.tables["greatest"].columns) == ["objective", "run", "value"]
    assert not checked(space["greatest"](Study(CONF, [], {}))).sections


def test_what_conf_may_hold_is_said():
    held = re.search(r"^`conf/` holds (.*?);", README, re.MULTILINE | re.DOTALL)
    assert held
    assert set(re.findall(r"`(\w+)/`", held[1])) == set(EVERY)
