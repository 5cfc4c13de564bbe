"""Readouts in reports: one model read in several ways stands side by side, and no two readouts are mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.reporting.analyses import analysed
from benchmark.reporting.board import wide_tables
from benchmark.reporting.bounds import bounds_table
from benchmark.reporting.checking import check
from benchmark.reporting.claims import parse_claims
from benchmark.reporting.figures.bounds import bounds_figure
from benchmark.reporting.frames import results
from benchmark.reporting.latex import latex
from benchmark.reporting.ranking import rank_key
from benchmark.reporting.study import read_study
from benchmark.reporting.tables import full_table
from benchmark.reporting.terminal import score_table
from benchmark.reporting.variance import trained_scores
from benchmark.store.curves import keep_curves
from benchmark.store.record import read_record, write_record
from metrics.core import Score
from tests.support.records import board_of, bound, record, runs

PROBE, MIG = ("linear_probe_accuracy", None, None, "accuracy"), ("mig_hist", None, None, "score")


def read(seed, objective="iwae"):
    """A record of one model that was read by q and by q_EW, and refined."""
    by = {"amortised": ("mean", 0.0), "resampled": ("q_ew_mean", 0.2), "optimised": ("optimised_mean", 0.1)}
    scores = [
        replace(Score(name, 0.5 + gain + seed / 100, 0.01, unit, "higher", view), readout=readout, selector="m")
        for readout, (view, gain) in by.items()
        for name, _, _, unit in (PROBE, MIG)
    ]
    densities = [
        replace(bound(-90.0 + seed / 10 + gain), readout=readout)
        for readout, gain in (("amortised", 0.0), ("optimised", 2.0))
    ]
    null = replace(bound(None), readout="resampled", reason="no density in closed form")
    return record(objective=objective, seed=seed, scores=[*scores, *densities, null])


RECORDS = [read(seed, objective) for seed in range(3) for objective in ("iwae", "elbo")]


def test_readouts_stand_side_by_side():
    [wide] = wide_tables(board_of(RECORDS), full_table(runs(*RECORDS)))
    heads = [(title.removesuffix(" ↑"), detail) for title, detail, _ in wide.headers[3:]]
    assert heads == [
        ("ELBO", ""),
        ("ELBO", "optimised q"),
        ("linear probe accuracy", "mean codes"),
        ("linear probe accuracy", "optimised_mean codes, optimised q"),
        ("linear probe accuracy", "q_ew_mean codes, resampled q"),
        ("MIG", "mean codes"),
        ("MIG", "optimised_mean codes, optimised q"),
        ("MIG", "q_ew_mean codes, resampled q"),
    ]
    cells = dict(zip(heads, wide.trained[0][3:], strict=True))
    assert cells["MIG", "mean codes"].startswith("0.510")
    assert cells["MIG", "q_ew_mean codes, resampled q"].startswith("0.710")
    assert "q\\_ew\\_mean codes, resampled q" in latex(wide, "tab:x")


def test_the_terminal_names_readouts_only_where_there_are_several():
    assert "readout" in score_table(RECORDS[0].scores)
    assert "readout" not in score_table([score for score in RECORDS[0].scores if score.readout == "amortised"])


@pytest.mark.parametrize(
    ("name", "key", "note"),
    [
        ("mig_hist", "mig_hist[mean]", ""),
        ("mig_hist[q_ew_mean]", "mig_hist[q_ew_mean]", ""),
        ("mig_hist[resampled]", "mig_hist[q_ew_mean]", ""),
        ("elbo[optimised]", "elbo[optimised]", ""),
        ("elbo", "elbo", ""),
        ("elbo[resampled]", "elbo", " (no run has 'elbo[resampled]' with a direction)"),
    ],
)
def test_a_leaderboard_is_ranked_by_one_readout(name, key, note):
    assert str(rank_key(full_table(runs(*RECORDS)), name)) == key + note


def test_what_is_compared_over_many_runs_is_of_the_encoder():
    assert set(trained_scores(full_table(runs(*RECORDS)))["readout"]) == {"amortised"}


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({}, "the claim must name its representation"),
        ({"representation": "mean"}, ""),
        ({"representation": "q_ew_mean"}, ""),
        ({"representation": "q_ew_mean", "readout": "resampled"}, ""),
        ({"representation": "q_ew_mean", "readout": "optimised"}, "no mig_hist by readout=optimised"),
    ],
)
def test_claims_are_of_one_readout(more, verdict):
    two = [replace(Score("mig_hist", 0.3, representation="sample"), selector="m")]
    records = [replace(one, scores=(*one.scores, *two)) for one in RECORDS]
    sides = {"left": {"objective": "iwae"}, "right": {"objective": "elbo"}}
    claim = {"text": "c", "metric": "mig_hist", "relation": "not_less", "margin": 0.1, **sides, **more}
    [found] = check(runs(*records), parse_claims([claim]))
    assert (found.verdict == "unchecked") == bool(verdict)
    assert verdict in found.note


def written(tmp_path):
    """A folder of these runs, with a score of the validation split in each, and curves."""
    folder = tmp_path / "demo"
    for seed, one in enumerate(RECORDS):
        run = folder / "runs" / f"run-{seed}"
        chosen = replace(bound(-1234.5), split="validation", selector="m")
        write_record(run, replace(one, validation=(chosen,)))
        k = np.array([1.0, 2, 5, 10])
        for readout, gain in (("amortised", 0.0), ("optimised", 2.0)):
            values = -90 + gain + np.log(k) + seed / 50
            keep_curves(run, readout, {"iwae": np.column_stack([k, values, 0 * k + 0.1])}, False)
    return folder


def test_scores_of_the_validation_split_are_shown_nowhere(tmp_path):
    folder = written(tmp_path)
    again = read_record(folder / "runs" / "run-0")
    assert again.score("elbo").value != -1234.5
    assert again.score("elbo", split="validation").value == -1234.5
    assert -1234.5 not in set(again.to_frame()["value"])
    assert "1234" not in again._repr_html_()
    assert -1234.5 not in set(results(folder)["value"])
    assert set(results(folder, split="validation")["value"]) == {-1234.5}
    study, found, failed = analysed(read_study(folder))
    assert not failed
    assert not study.table["value"].eq(-1234.5).any()
    assert not study.board["mean"].eq(-1234.5).any()
    assert not any("1234" in frame.to_csv() for findings in found for frame in findings.tables.values())
    claim = {"text": "c", "metric": "elbo", "relation": "not_less", "margin": 5.0}
    sides = {"left": {"objective": "iwae"}, "right": {"objective": "elbo"}}
    [verdict] = check(study.records, parse_claims([{**claim, **sides}]))
    assert verdict.difference == pytest.approx(0.0, abs=0.5)


def test_bounds_rise_with_k_in_table_and_figure(tmp_path):
    study = read_study(written(tmp_path))
    table, board = study.drawn
    found = bounds_table(study.folder, table)
    assert len(found) == 2 * 2 * 4  # configurations, readouts, K
    assert set(found["n"]) == {3}
    of = found[(found["label"] == "elbo") & (found["readout"] == "optimised")]
    np.testing.assert_allclose(of["mean"], -88 + np.log([1, 2, 5, 10]) + 3 / 50)
    assert ((of["low"] < of["mean"]) & (of["mean"] < of["high"])).all()
    figure = bounds_figure(found, board)
    [ax] = figure.axes
    assert ax.get_xscale() == "log"
    assert len(ax.lines) == 4
    assert "dashed optimised" in figure._suptitle.get_text().replace("\n", " ")
    assert bounds_figure(found[found["samples"] == 1], board) is None
    assert bounds_figure(bounds_table(tmp_path, table), board) is None
