"""Every analysis, whatever the study: no run, a failed one, scores without values; and one that raises costs itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmark import report
from benchmark.reporting import analyses
from benchmark.reporting.analyses import ANALYSES
from benchmark.reporting.analyses.failures import Failures
from benchmark.reporting.analyses.findings import Findings, checked
from benchmark.reporting.leaderboard import draw_findings, write_findings, write_report
from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study, read_study
from benchmark.store.record import write_record
from metrics.core import Score
from tests.support.choices import ROOT
from tests.support.records import demo, manifest, record, runs

NULL = [Score("rate", None, reason="no density"), Score("mig_hist", None, reason="no factors")]
STUDIES = {
    "no run": [],
    "a failed run": [record(status="failed", error={"type": "E", "message": "m"})],
    "a run without scores": [record()],
    "scores without values": [record(seed=seed, objective=name, scores=NULL) for seed in (0, 1) for name in
                              ("elbo", "iwae")],
    "one value": [record(scores=[Score("rate", 1.0, 0.1, "nats")]), record(seed=1, scores=NULL)],
}  # fmt: skip


def files(folder: Path, study: Study, analysis) -> dict[str, bytes]:
    """What an analysis has written, by name; nothing it does may fail."""
    found, failed = [checked(analysis(study))], Failures()
    draw_findings(folder, found, (), failed)
    write_findings(folder, found, failed)
    assert not failed
    assert all(section.title and section.lines for section in found[0].sections)
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("of", STUDIES)
@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda one: one.__name__)
def test_an_analysis_takes_every_study(tmp_path, analysis, of):
    files(tmp_path, Study(tmp_path, runs(*STUDIES[of]), {}), analysis)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results") / "demo"
    demo(folder, betas=(1.5, 2.0, 4.0, 8.0, 16.0))
    manifest(folder)
    return folder


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda one: one.__name__)
def test_an_analysis_gives_the_same_bytes_twice_and_leaves_the_study_as_it_was(tmp_path, large, analysis):
    study = read_study(large)
    before = study.table.copy(), study.board.copy()
    assert files(tmp_path, study, analysis) == files(tmp_path, read_study(large), analysis)
    for was, now in zip(before, (study.table, study.board), strict=True):
        pd.testing.assert_frame_equal(was, now)


def test_analyses_have_names_of_their_own(large):
    assert len({one.__name__ for one in ANALYSES}) == len(ANALYSES)
    found = [one(read_study(large)) for one in ANALYSES]
    names = [name for one in found for part in (one.tables, one.figures, one.documents) for name in part]
    assert len({name for one in found for name in one.tables}) == sum(len(one.tables) for one in found)
    assert len({name for one in found for name in one.figures}) == sum(len(one.figures) for one in found)
    assert not {"leaderboard", "scores"} & {name for one in found for name in one.tables}
    assert all(name.isidentifier() for name in names)


def raises(study: Study) -> Findings:
    """It looks for a column that there is not."""
    return Findings(tables={"never": study.table["configuration"].to_frame()})


def draws_badly(study: Study) -> Findings:
    """Its figure, its table and its document cannot be made; its section can."""
    return Findings(
        figures={"bad": lambda: 1 / 0, "none": lambda: None},
        tables={"list": [1], "good": pd.DataFrame({"a": [1]})},  # type: ignore[dict-item]
        documents={"nan": {"a": float("nan")}},
        sections=[Section("Good words", ["of it"])],
    )


def nothing(study: Study) -> None:
    """It forgets to return what it finds."""


@pytest.mark.parametrize("bad", [None, 3, Findings(sections=[Section("a", [1])]), Findings(sections=["a"])])
def test_what_is_no_findings_is_refused(bad):
    with pytest.raises(TypeError, match=r"^gives "):
        checked(bad)


def test_analyses_that_raise_are_named_and_the_rest_is_reported(tmp_path, monkeypatch, capsys):
    demo(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"of an earlier report")
    monkeypatch.setattr(analyses, "ANALYSES", (raises, draws_badly, nothing, *ANALYSES))
    assert report.main([str(tmp_path)]) == 1
    told = capsys.readouterr().out
    expected = {
        "raises": "KeyError: 'configuration'",
        "nothing": "TypeError: gives NoneType, expected Findings",
        "draws_badly (figure bad)": "ZeroDivisionError: division by zero",
        "draws_badly (table list)": "AttributeError: 'list' object has no attribute 'empty'",
        "draws_badly (document nan)": "ValueError: Out of range float values are not JSON compliant",
    }
    page = (tmp_path / "leaderboard.md").read_text()
    for name, why in expected.items():
        assert sum(line.startswith(f"analysis failed: {name}: {why}") for line in told.splitlines()) == 1
    assert "## Failed analyses (5)\n\n- raises: KeyError: 'configuration'\n" in page
    assert "Good words" in told
    assert "Good words" in page
    assert "![bad]" not in page
    assert "![rate distortion](rate_distortion.png)" in page
    written = {path.name for path in tmp_path.iterdir()}
    assert {"scores.csv", "leaderboard.csv", "leaderboard.tex", "good.csv", "rate_distortion.png"} <= written
    assert not {"bad.png", "list.csv", "nan.json", "never.csv"} & written


def test_the_traceback_is_there_for_whoever_asks(tmp_path, monkeypatch):
    write_record(tmp_path / "runs" / "a", record(scores=[Score("rate", 1.0, 0.1, "nats")]))
    monkeypatch.setattr(analyses, "ANALYSES", (raises,))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(KeyError, match="configuration"):
        write_report(tmp_path)


@pytest.mark.parametrize("command", ["report", "evaluate", "check"])
def test_commands_by_their_own_names_end_in_one_line_too(command):
    """`python -m benchmark.report` as `python -m benchmark report`, whatever raises in them."""
    broken = "argparse.ArgumentParser.parse_args = lambda *_: 1 / 0"
    code = f"import argparse, runpy; {broken}; runpy.run_module('benchmark.{command}', run_name='__main__')"
    env = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: ZeroDivisionError: division by zero"
    assert "Traceback" not in done.stderr
