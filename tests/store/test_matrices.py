"""Matrices (codes x factors): computed once, kept, merged, read back or skipped, and drawn in a readable order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.drawing.matrices import MOST_DIMENSIONS, row_order
from benchmark.reporting.columns import headline_rows
from benchmark.reporting.figures.heatmaps import heatmaps
from benchmark.reporting.tables import full_table, ranked_board
from benchmark.store.matrices import (
    FILE,
    by_kind,
    keep_matrices,
    read_factor_names,
    read_matrices,
    words_of,
)
from metrics.core import Score
from tests.support.metric_cases import METRICS, representation
from tests.support.records import record

READS = {
    "mig": ("mig_hist", "mutual_information_hist"),
    "modularity": ("modularity", "mutual_information_hist"),
    "own_axes": ("own_axes", "mutual_information_hist"),
    "mig_sup": ("mig_sup", "mutual_information_hist"),
    "dcimig": ("dcimig", "mutual_information_hist"),
    "jemmig": ("jemmig", "mutual_information_hist"),
    "infomec": ("info_modularity", "mutual_information_nearest"),
    "sap": ("sap_r2", "explained_share"),
    "dci": ("dci_lightgbm_disentanglement", "importance_lightgbm"),
}


@pytest.mark.parametrize("selector", READS)
def test_every_score_reads_the_matrix_that_is_kept(selector):
    name, matrix = READS[selector]
    data = replace(representation(n=60), matrices={})

    def value():
        found = METRICS[selector](data, np.random.default_rng(0))
        return next(score.value for score in found if score.name == name and score.factor is None)

    computed, kept = value(), data.matrices[matrix]
    data.matrices[matrix] = np.ones_like(kept)
    assert value() != computed
    assert (data.matrices[matrix] == 1).all()


def test_rows_are_in_the_order_of_their_best_factor_and_weak_ones_last():
    matrix = np.array([[0.01, 0.0], [0.1, 0.5], [0.2, 0.9], [0.6, 0.1], [0.0, 0.02]])
    assert row_order(matrix) == [3, 2, 1, 4, 0]
    assert row_order(np.zeros((3, 2))) == [0, 1, 2]


def test_of_a_wide_code_the_rows_that_know_most_are_shown():
    matrix = np.full((300, 3), 0.1)
    matrix[[7, 250], [0, 2]] = 1.0
    order = row_order(matrix)
    assert len(order) == MOST_DIMENSIONS
    assert {7, 250} <= set(order)


def test_matrices_of_earlier_metrics_stay(tmp_path):
    data = representation(n=30)
    first = replace(data, matrices={"mutual_information_hist": np.ones((4, 4))})
    second = replace(data, matrices={"importance_lightgbm": np.zeros((4, 4))})
    keep_matrices(tmp_path, first, earlier=False)
    assert set(keep_matrices(tmp_path, second, earlier=True)) == set(read_matrices(tmp_path))
    assert set(read_matrices(tmp_path)) == {"mutual_information_hist", "importance_lightgbm"}
    keep_matrices(tmp_path, second, earlier=False)
    assert set(read_matrices(tmp_path)) == {"importance_lightgbm"}


def test_what_is_damaged_is_as_if_it_were_missing(tmp_path):
    assert read_matrices(tmp_path) == {}
    (tmp_path / FILE).write_bytes(b"no npz")
    assert read_matrices(tmp_path) == {}
    wrong = {"objects": np.array([[{}]], dtype=object)}
    np.savez(tmp_path / FILE, **wrong)
    assert read_matrices(tmp_path) == {}
    np.savez(
        tmp_path / FILE, line=np.ones(3), nan=np.full((2, 2), np.nan), text=np.array([["a"]]), good=np.ones((2, 2))
    )
    assert set(read_matrices(tmp_path)) == {"good"}
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: len(whole) // 2])
    assert read_matrices(tmp_path) == {}


def test_every_matrix_has_words():
    for name in ("mutual_information_hist_7", "importance_sklearn_gbt", "svc_accuracy"):
        assert words_of(name).unit
    assert "7" in words_of("mutual_information_hist_7").title
    assert words_of("of_somebody_else").title == "of somebody else"
    some = [{"importance_lasso": np.ones((1, 1))}, {"importance_lasso": np.ones((1, 1)), "importance_forest": 0}]
    assert by_kind("importance", some) == "importance_lasso"
    assert by_kind("mutual_information", some) is None


def experiment(folder: Path, values):
    """Runs of one configuration with those values of MIG, and one of the truth; returns the full table."""
    records = [
        (folder / "runs" / f"r{seed}", record("sprites", seed=seed, scores=[mig(v)])) for seed, v in values.items()
    ]
    truth = record("sprites", "truth", "none", scores=[mig(1.0)])
    for seed, (run, _) in enumerate(records):
        kept(run, np.full((2, 2), 0.1 * (seed + 1)))
    kept(folder / "runs" / "truth", np.eye(2))
    return full_table([*records, (folder / "runs" / "truth", truth)])


def mig(value):
    return Score("mig_hist", value, None, "score", "higher", "mean")


def kept(run, matrix):
    run.mkdir(parents=True)
    np.savez(run / FILE, mutual_information_hist=matrix)
    np.savez(
        run / "codes.npz",
        factor_names=np.array(["a", "b", "class"]),
        factor_types=np.array(["discrete"] * 2 + ["label"]),
    )


def images(folder, table):
    figure = heatmaps(folder, headline_rows(table), headline_rows(ranked_board(table)))
    return None if figure is None else [ax.get_images()[0].get_array().max() for ax in figure.axes if ax.get_images()]


def test_the_median_run_is_drawn_and_a_damaged_one_gives_way(tmp_path):
    table = experiment(tmp_path, {0: 0.1, 1: 0.9, 2: 0.5})
    assert [round(float(top), 3) for top in images(tmp_path, table)] == [1.0, 0.3]
    (tmp_path / "runs" / "r2" / FILE).write_bytes(b"junk")
    assert [round(float(top), 3) for top in images(tmp_path, table)] == [1.0, 0.1]


@pytest.mark.parametrize("odd", [np.array("a"), np.array(7), np.array([1, 2]), np.array(["a\n"])], ids=str)
def test_names_of_factors_that_are_none_are_no_names(tmp_path, odd):
    kept(tmp_path / "run", np.eye(2))
    np.savez(tmp_path / "run" / "codes.npz", factor_names=odd, factor_types=np.array(["discrete"]))
    assert read_factor_names(tmp_path / "run") == []


def test_without_matrices_there_is_no_figure(tmp_path):
    table = full_table([(tmp_path / "runs" / "r0", record("sprites", scores=[mig(0.5)]))])
    assert images(tmp_path, table) is None
