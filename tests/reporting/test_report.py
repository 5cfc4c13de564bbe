"""A folder of records becomes pages: verdicts, pictures, and runs that failed, are missing or were tampered with."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.report import main, shown_of
from benchmark.reporting.analyses.warnings import warnings
from benchmark.reporting.leaderboard import Shown, write_report
from benchmark.reporting.study import Study
from benchmark.reporting.tables import BOARD, COLUMNS
from benchmark.reporting.verdicts import VERDICTS
from benchmark.store.record import write_record
from metrics.core import Score
from tests.support.records import demo, manifest, record

NOTE = "A small network, 30,000 steps."
FILES = {"claims.json", "scores.csv", "rate_distortion.png", "beta.png", "leaderboard.png"}
FILES |= {f"leaderboard.{kind}" for kind in ("csv", "md", "tex")}


def rate(value, **more):
    return [Score("rate", value, 0.1, "nats", **more)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A sweep with a failed, a missing and a tampered run, from two commits."""
    folder = tmp_path_factory.mktemp("results") / "demo"
    demo(folder, betas=(2.0, 4.0))
    error = {"type": "FloatingPointError", "message": "step 3: objective is nan\nmore", "traceback": "..."}
    more = {"error": error, "left_out": {"mig": "no factors"}, "group": ""}
    origin = {"commit": "fedcba", "dirty": True, "versions": {"torch": "2.8.0"}}
    failed = record(objective="iwae", model="conv", seed=7, status="failed", provenance=origin, **more)
    write_record(folder / "runs" / "broken", failed)
    missing = {"gone": "python -m benchmark seed=99", "broken": "python -m benchmark objective=iwae seed=7"}
    manifest(folder, missing=missing, note=NOTE)
    tampered = folder / "runs" / "mnist5k-mlp-elbo-0" / "record.json"
    tampered.write_text(tampered.read_text().replace('"seed":0', '"seed":5', 1))
    return folder


@pytest.fixture(scope="module")
def report(folder):
    return write_report(folder)


def test_all_files_are_written(folder, report):
    assert {path.name for path in folder.iterdir()} >= FILES
    assert {path.name for path in folder.glob(".*")} <= {".report.json"}  # no temporary file is left
    assert tuple(pd.read_csv(folder / "scores.csv", nrows=1).columns) == COLUMNS
    assert tuple(pd.read_csv(folder / "leaderboard.csv", nrows=1).columns) == BOARD
    claims = json.loads((folder / "claims.json").read_text())
    assert len(claims["claims"]) == 6
    assert [claims[name] for name in VERDICTS] == [2, 0, 1, 3]  # those of one data set lack a tampered run
    assert claims["claims"][0]["note"] == "of 3 planned runs, 1 not there (mnist5k-mlp-elbo-0)"


def test_the_note_of_an_experiment_is_in_every_table(folder, report):
    assert report.text.count("ELBO") >= 2
    pages = [report.text, *((folder / f"leaderboard.{kind}").read_text() for kind in ("md", "tex"))]
    assert [page.count(NOTE) for page in pages] == [2, 2, 2]


def test_what_went_wrong_is_said(report):
    assert [folder.name for folder, _ in report.study.failed] == ["broken"]
    assert ([*report.study.missing], len(report.damaged)) == (["gone"], 1)
    assert report.exit_code == 1
    for words in (
        "  broken: FloatingPointError: step 3: objective is nan\n"
        "      repeat it alone: python -m benchmark objective=iwae seed=7\n",
        "gone: python -m benchmark seed=99",
        "damaged: mnist5k-mlp-elbo-0: record.json was changed after it was written",
        "mig (1 run): no factors",
        "records come from several commits (0123456789, fedcba); several versions of torch (2.8.0, 2.9.0)",
        "code with uncommitted changes (1 of",
    ):
        assert words in report.text
    assert report.text.endswith(f"Written to {report.study.folder}")


def test_the_page(folder, report):
    page = (folder / "leaderboard.md").read_text()
    assert "python -m benchmark.report results/demo" in page
    assert str(folder) not in page
    assert "![rate distortion](rate_distortion.png)" in page
    assert "Ranked by iwae_100." in page
    assert "- **unchecked** mnist5k: beta-VAE's rate is below the ELBO's<br>\n  of 3 planned runs, 1 not there" in page
    assert "- **held** sprites: beta-VAE's rate is below the ELBO's<br>\n  difference " in page
    assert "- broken: FloatingPointError: step 3: objective is nan<br>\n  repeat it alone: python -m" in page
    assert "## mnist5k, dynamic binarisation, counting measure" in page
    assert "dynamic/counting" not in page
    assert "mnist5k/dynamic/counting/ab12cd34" in (folder / "leaderboard.csv").read_text()
    assert "`rate`: E KL(q(z|x) || p(z))" in page


def test_the_report_is_the_same_twice(folder, report):
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert write_report(folder).text == report.text
    assert before == {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def left_out(*found):
    records = [(Path(str(i)), record(seed=i, left_out=one)) for i, one in enumerate(found)]
    return dict(warnings(Study(Path(), records, {})).sections).get("Metrics left out", [])


def test_metrics_left_out_for_one_reason_are_one_line():
    why = "needs ground-truth factors; the data set has none beyond the class label"
    one = {name: f"{name} {why} (use metrics=[rate_distortion,linear_probe])" for name in ("mig", "dci")}
    text = "need ground-truth factors; the data set has none beyond the class label"
    assert left_out(one, one) == [f"dci, mig (2 runs): {text}"]
    assert left_out(one, {"mig": one["mig"]}, {}) == [f"dci, mig (1 to 2 runs): {text}"]
    assert left_out({"mig": one["mig"]}) == [f"mig (1 run): {why}"]
    assert left_out({**one, "sap": "sap needs time"})[1] == "sap (1 run): needs time"


def test_nobody_misses_closed_forms():
    assert left_out({"exact": "exact needs model=linear"}) == []


@pytest.mark.parametrize("prepare", [lambda folder: None, lambda folder: (folder / "runs").mkdir(parents=True)])
def test_a_folder_without_records(tmp_path, capsys, prepare):
    prepare(tmp_path / "nothing")
    assert main([str(tmp_path / "nothing")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(tmp_path / "nothing") in error
    assert "python -m benchmark experiment=" in error


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is no JSON (EOF while parsing"),
        ("[]", "is no JSON object"),
        ('{"claims": 3}', "has other content than it should (claims: Input should be a valid"),
        ('{"runs": {"a": 1}}', "has other content than it should (runs.a: Input should be a valid string)"),
        (
            '{"planned": {"a": ["b", "c"]}}',
            "has other content than it should (planned.a.1: Input should be a valid int",
        ),
        ('{"claims": [{"text": "x"}]}', "claim 'x' lacks the key 'metric'"),
        ('{"published": "nowhere"}', "published=nowhere: results/published has no such file"),
    ],
)
def test_a_damaged_manifest_is_named_and_the_rest_is_reported(tmp_path, capsys, text, why):
    write_record(tmp_path / "runs" / "a", record(scores=rate(1.0)))
    (tmp_path / "experiment.json").write_text(text)
    assert main([str(tmp_path)]) == 1
    assert f"damaged: experiment.json: {why}" in capsys.readouterr().out
    assert (tmp_path / "leaderboard.md").exists()


@pytest.mark.parametrize("status", ["failed", "finished"])
def test_a_single_run_with_or_without_scores(tmp_path, status, capsys):
    one = record(status=status, scores=rate(1.0) if status == "finished" else (), error={"type": "E", "message": "m"})
    write_record(tmp_path / "runs" / "a", one)
    assert main([str(tmp_path)]) == 0
    assert "python -m benchmark dataset=mnist5k" in capsys.readouterr().out or status == "finished"


def test_figures_that_no_longer_apply_are_removed(tmp_path):
    write_record(tmp_path / "runs" / "a", record(scores=rate(1.0)))
    (tmp_path / "beta.png").write_bytes(b"old")
    write_report(tmp_path)
    assert not (tmp_path / "beta.png").exists()
    assert (tmp_path / "leaderboard.png").exists()


def test_a_report_takes_columns_and_formats(tmp_path, capsys):
    demo(tmp_path)
    assert main([str(tmp_path), "columns=[rate,linear_probe_accuracy[mean]]", "formats=[pdf,svg]"]) == 0
    head = next(line for line in (tmp_path / "leaderboard.md").read_text().split("\n") if line.startswith("| rank"))
    assert "distortion" not in head
    assert "linear probe accuracy" in head
    assert {path.suffix for path in tmp_path.glob("leaderboard.*")} >= {".png", ".pdf", ".svg"}
    assert shown_of(["formats=svg"]) == Shown(formats=("svg",))
    for wrong in ("formats=[gif]", "colums=[rate]", "rate"):
        assert main([str(tmp_path), wrong]) == 2
        assert capsys.readouterr().err.startswith("error: ")
