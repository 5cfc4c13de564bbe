"""What trainings had still to gain: known curves, and runs that kept none."""

import math

import pytest

from benchmark.reporting.figures.convergence import _lines, convergence_figure
from benchmark.reporting.study import read_study
from benchmark.store.history import progress, write_rows
from tests.support.records import demo, manifest


@pytest.fixture
def study(tmp_path):
    demo(tmp_path / "demo", betas=(2.0,))
    manifest(tmp_path / "demo")
    return read_study(tmp_path / "demo")


def keep(study, values, phases=None):
    for folder, _ in study.records:
        rows = [
            {"step": 10 * i, "learning_rate": 0.1, "validation_objective": value, "phase": (phases or [1] * 99)[i]}
            for i, value in enumerate(values)
        ]
        write_rows(folder, rows)


def test_runs_without_a_history_make_no_figure(study):
    assert convergence_figure(study.folder, *study.drawn) is None
    keep(study, [-200.0])
    assert convergence_figure(study.folder, *study.drawn) is None


def test_the_gap_to_the_last_value_in_percent_by_the_share_of_the_steps(study):
    keep(study, [-900.0, -200.0, -110.0, -101.0, -100.0])
    table, board = study.drawn
    [first, *_] = (rows for _, rows in table.groupby("group"))
    lines = _lines(study.folder, first, board)
    assert sorted(lines["label"].unique()) == ["beta_vae beta=2", "elbo", "iwae num_samples=8"]  # no reference
    one = lines[lines["label"] == "elbo"].groupby("share")["gap"]
    assert one.count().tolist() == [3] * 4  # seeds
    assert one.mean().to_dict() == pytest.approx({25.0: 100.0, 50.0: 10.0, 75.0: 1.0, 100.0: 0.0})
    assert len(convergence_figure(study.folder, table, board).axes) == table["group"].nunique()


def test_only_what_is_finite_of_the_last_phase(study):
    keep(study, [-900.0, -200.0, math.nan, -101.0, -100.0], [1, 1, 2, 2, 2])
    assert progress(study.records[0][0]) == [(30.0, -101.0), (40.0, -100.0)]
