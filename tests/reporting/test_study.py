"""A study whose runs get more scores: its table with them is the one that is made of all, whenever it is made."""

import pandas as pd
import pytest

from benchmark.reporting.study import read_study
from benchmark.store.record import write_record
from metrics.core import Score
from tests.support.records import demo, manifest, record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """With published numbers, references, a failed and a damaged run, and one that measured nothing."""
    folder = tmp_path_factory.mktemp("results") / "demo"
    demo(folder, betas=(2.0, 4.0))
    manifest(folder, published="higgins2017")
    error = {"type": "FloatingPointError", "message": "step 3: objective is nan", "traceback": "..."}
    write_record(folder / "runs" / "broken", record(objective="iwae", seed=7, status="failed", error=error))
    write_record(folder / "runs" / "nothing", record(objective="iwae", seed=8, scores=[]))
    (folder / "runs" / "a-damaged").mkdir()
    (folder / "runs" / "a-damaged" / "record.json").write_text("{")
    return folder


def more(study, runs):
    """Two scores each of every second run, one of them a number that the paper gives for some."""
    return {
        run: [Score("beta_vae_score", i / 10, None, "accuracy", "higher", "mean"), Score("kept", None, reason="a\nb")]
        for i, run in enumerate(sorted(runs))
        if i % 2
    }


@pytest.mark.parametrize("others", [set(), {"nothing"}, {"broken"}], ids=["scored", "unscored", "failed"])
def test_scores_that_join_have_the_rows_that_they_would_have_had(folder, others):
    early, late = read_study(folder), read_study(folder)
    assert len(early.table)  # made before they join
    runs = {run.name for run, one in early.records if one.scores} | others
    scores = {run: [Score("own", 1.0)] for run in others} | more(early, runs - others)
    before, after = early.joined(scores, {}), late.joined(scores, {})
    assert (early._has_rows_of(scores), "table" in vars(before), "table" in vars(after)) == (not others,) * 2 + (False,)
    pd.testing.assert_frame_equal(before.table, after.table)
    assert before.table["published"].count() > early.table["published"].count()
    assert len(early.table) == len(read_study(folder).table)  # which is as it was
    twice = before.joined({run: [Score("again", 2.0)] for run in scores}, {})
    pd.testing.assert_frame_equal(twice.table, after.joined({run: [Score("again", 2.0)] for run in scores}, {}).table)


@pytest.mark.parametrize("scores", [{}, {"sprites-mlp-elbo-0": []}])
def test_damage_and_no_scores_leave_the_table_as_it_is(folder, scores):
    study = read_study(folder)
    table = study.table
    pd.testing.assert_frame_equal(study.joined(scores, {"experiment.json": "is damaged"}).table, table)


def test_runs_whose_names_look_alike_are_told_apart(tmp_path):
    for seed, name in enumerate(("a\x01", "a?")):
        write_record(tmp_path / "runs" / name, record(seed=seed, scores=[Score("rate", 1.0)]))
    early, late = read_study(tmp_path), read_study(tmp_path)
    assert len(early.table) == 2
    more = {"a?": [Score("own", 2.0)]}
    pd.testing.assert_frame_equal(early.joined(more, {}).table, late.joined(more, {}).table)
