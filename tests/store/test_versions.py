"""Numbers that changed under an unchanged configuration: runs made before stay readable, are made anew, never mixed."""

from __future__ import annotations

import json
import shutil

import pytest

from benchmark.experiment import execute, previous_record
from benchmark.reporting.leaderboard import write_report
from benchmark.store import versions
from benchmark.store.manifest import read_manifest
from benchmark.store.record import FILE, read_folder, read_record, write_record
from tests.support.choices import FIXTURES

BEFORE = FIXTURES / "version1"  # a sweep of two runs as it was written before versions were stated


def test_records_of_the_first_version_are_read():
    records, damaged = read_folder(BEFORE)
    assert not damaged
    assert {versions.version_of(record.config) for _, record in records} == {(1, 1)}
    assert [record.score("elbo").value for _, record in records] == pytest.approx([-26.5646, -26.2503], abs=1e-4)
    assert set(read_manifest(BEFORE)["runs"]) == {folder.name for folder, _ in records}


def test_a_folder_of_the_first_version_alone_is_reported_as_it_is(tmp_path):
    shutil.copytree(BEFORE, tmp_path / "before")
    report = write_report(tmp_path / "before")
    assert "left out" not in report.text
    assert "-26.56" in report.text or "-26.6" in report.text


def test_a_run_of_another_version_is_repeated_and_not_mixed(plan_of_run, tmp_path):
    plan = plan_of_run("metrics=[rate_distortion]")
    for folder in (BEFORE / "runs").iterdir():  # the same configuration, seed and data
        shutil.copytree(folder, plan.folder.parent / folder.name)
    assert previous_record(plan) is None
    new = execute(plan)
    assert new.config["numbers"] == versions.NUMBERS
    report = write_report(tmp_path / "single")
    line = (
        "2 of 3 runs are left out: trained and scored as of versions 1 and 1, the others as of "
        f"{versions.NUMBERS} and {versions.SCORES}; the command of the experiment makes anew what it still asks for"
    )
    assert line in " ".join(report.text.split())  # the terminal folds it
    table = (tmp_path / "single" / "scores.csv").read_text().splitlines()
    joined = {"frontier_distance", "bits_per_dimension"}  # which a report adds to every run
    assert sum(not joined & set(line.split(",")) for line in table) == 1 + len(new.scores)


def test_the_version_is_part_of_a_run_s_identity(plan_of_run, monkeypatch):
    before = plan_of_run().folder
    monkeypatch.setattr("benchmark.config.plan.NUMBERS", versions.NUMBERS + 1)
    assert plan_of_run().folder != before


def test_scores_computed_otherwise_are_computed_again_from_the_weights(plan_of_run):
    plan = plan_of_run("metrics=[rate_distortion,information]")
    first = execute(plan)
    weights = (plan.folder / "model.safetensors").stat().st_mtime_ns
    content = json.loads((plan.folder / FILE).read_text())
    assert content["config"]["scores"] == versions.SCORES
    older = {**first.config, "scores": versions.SCORES - 1}
    write_record(plan.folder, type(first)(**{**vars(first), "config": older}))
    again = execute(plan_of_run("metrics=[rate_distortion]"))
    assert (plan.folder / "model.safetensors").stat().st_mtime_ns == weights
    assert again.names() == {"rate", "distortion", "elbo"}  # none of the older version's beside them
    assert again.score("elbo") == first.score("elbo")
    assert read_record(plan.folder) == again
