"""The tidy table, what varies, the leaderboard and its ranks, on records whose answers are known."""

import pandas as pd
import pytest
from scipy import stats

from benchmark.reporting.board import wide_tables
from benchmark.reporting.ranking import rank_key
from benchmark.reporting.tables import BOARD, COLUMNS, full_table, labels, scores_table, short_names, varied, worded
from metrics.core import Score
from tests.support.records import board_of, bound, record, runs, sweep


def words_of(records):
    """What tells configurations apart, as tables say it."""
    options = varied(records)
    names = short_names(key for one in options for key in one)
    return [worded(one, names) for one in options]


def test_columns_of_scores_csv():
    expected = [
        "run",
        "experiment",
        "dataset",
        "model",
        "objective",
        "varied",
        "seed",
        "readout",
        "representation",
        "factor",
        "num_labels",
        "metric",
        "value",
        "stderr",
        "unit",
        "better",
        "status",
        "reason",
    ]
    table = scores_table(runs(record(scores=[bound(-90.0)])))
    assert list(table.columns) == list(COLUMNS) == expected


def test_a_row_per_score_with_all_it_says():
    score = Score("linear_probe_accuracy", 0.9, 0.01, "accuracy", "higher", "mean", "shape", 100, "few labels")
    row = scores_table(runs(record("sprites", "conv", "iwae", 3, [bound(-90.0), score]))).iloc[1]
    assert (row.run, row.experiment, row.dataset, row.model, row.objective) == (
        "run-0",
        "demo",
        "sprites",
        "conv",
        "iwae",
    )
    assert (row.seed, row.representation, row.factor, row.num_labels) == (3, "mean", "shape", 100)
    assert (row.metric, row.value, row.stderr, row.unit, row.better) == (score.name, 0.9, 0.01, "accuracy", "higher")
    assert (row.status, row.reason) == ("finished", "few labels")


def test_a_failed_run_is_one_row_with_its_error():
    failed = record(
        status="failed", group="", error={"type": "ValueError", "message": "bad\nworse", "traceback": "..."}
    )
    table = scores_table(runs(failed, record(seed=1, scores=[bound(-90.0)])))
    row = table.iloc[0]
    assert (row.status, row.metric, row.reason) == ("failed", "", "ValueError: bad")
    assert pd.isna(row.value)
    assert len(table) == 2


def test_where_choices_say_it_all_only_the_strength_of_a_method_is_named():
    assert words_of(sweep({"elbo": [1, 2], "beta_vae": [3, 4]})) == ["", "", "beta=4", "beta=4"]


def test_only_what_varies_within_a_choice_is_named():
    records = [record(objective="beta_vae", options={"beta": b, "kl": "analytic"}) for b in (1.0, 4.0, 0.5)]
    assert words_of([*records, record(objective="elbo")]) == ["beta=1", "beta=4", "beta=0.5", ""]


def test_a_number_that_varies_is_the_strength_also_where_it_is_one():
    """Else beta = 1 alone would be called by the number behind beta, and be of no sweep over beta."""
    records = [record(objective="beta_vae_warmup", options={"beta": b, "warmup_fraction": 0.15}) for b in (1, 4, 16)]
    assert words_of(records) == ["beta=1", "beta=4", "beta=16"]
    assert words_of(records[:1]) == ["warmup_fraction=0.15"]


def test_equal_numbers_do_not_vary():
    assert words_of([record(objective="beta_vae", options={"beta": b}) for b in (4, 4.0)]) == ["beta=4", "beta=4"]


def test_an_option_that_some_runs_lack_varies():
    options = [{"beta": 4.0}, {"beta": 4.0, "warm_up": 10}]
    assert words_of([record(objective="beta_vae", options=o) for o in options]) == ["beta=4", "beta=4, warm_up=10"]


def test_trainer_options_vary_among_all_trained_runs_and_never_seeds_or_metrics():
    slow = {"trainer": {"epochs": 99}, "metrics": {"mig": {}}, "data_checksum": "other"}
    records = [record(config={"trainer": {"epochs": 20}}), record(objective="iwae", config=slow, seed=1)]
    assert words_of([*records, record(objective="none", model="pca")]) == ["epochs=20", "num_samples=8, epochs=99", ""]


def test_ambiguous_names_are_given_in_full():
    parts = [{"model": {"width": w}, "dataset": {"width": w}} for w in (1, 2)]
    assert words_of([record(config=part) for part in parts])[1] == "dataset.width=2, model.width=2"


def test_large_integers_are_not_rounded():
    records = [record(config={"dataset": {"size": size}}) for size in (1234567, 1234568)]
    assert words_of(records) == ["size=1234567", "size=1234568"]


def test_mean_and_interval_over_seeds():
    values = [-90.0, -92.0, -91.3]
    board = board_of(sweep({"elbo": values}))
    low, high = stats.t.interval(0.95, 2, board["mean"][0], stats.sem(values))
    assert tuple(board.columns) == BOARD
    assert tuple(board.loc[0, ["mean", "low", "high", "n"]]) == pytest.approx((sum(values) / 3, low, high, 3))


def test_two_runs_of_one_seed_count_once():
    board = board_of([record(seed=s, scores=[bound(v)]) for s, v in [(0, 1.0), (0, 3.0), (1, 4.0)]])
    assert (board["n"][0], board["mean"][0]) == (2, 3.0)


def test_ranks_within_a_group_with_ties_and_without_references():
    values = {"elbo": [-90.0, -91.0], "iwae": [-80.0, -81.0], "beta_vae": [-91.0, -90.0], "untrained": [-1.0, -1.0]}
    board = board_of(sweep(values)).set_index("objective")
    assert board["rank"].fillna(0).to_dict() == {"elbo": 2, "iwae": 1, "beta_vae": 2, "untrained": 0}
    assert board["reference"].to_dict() == {"elbo": False, "iwae": False, "beta_vae": False, "untrained": True}


def test_groups_are_never_mixed():
    counting, density = (
        sweep({"elbo": [v, v + 2], "iwae": [v + 1, v + 3]}, group=g) for v, g in [(0.0, "a"), (90.0, "b")]
    )
    records = [*counting, *density]
    board = board_of(records)
    assert set(zip(board["group"], board["objective"], board["mean"], board["rank"], strict=True)) == {
        ("a", "elbo", 1.0, 2), ("a", "iwae", 2.0, 1), ("b", "elbo", 91.0, 2), ("b", "iwae", 92.0, 1)}  # fmt: skip
    wides = wide_tables(board, full_table(runs(*records)))
    assert [wide.title for wide in wides] == ["a", "b"]
    assert all(len(wide.trained) == 2 for wide in wides)


def test_rank_by_a_representation_at_the_largest_number_of_labels():
    def probe(few, many, code="mean"):
        return [
            Score("linear_probe_accuracy", v, None, "accuracy", "higher", code, None, n)
            for v, n in [(few, 9), (many, 99)]
        ]

    records = [record(objective="elbo", scores=[*probe(0.9, 0.1), *probe(0, 1, "sample")]),
               record(objective="iwae", scores=[*probe(0.1, 0.9), *probe(1, 0, "sample")])]  # fmt: skip
    for key, best in [("linear_probe_accuracy[mean]", "iwae"), ("linear_probe_accuracy", "iwae"),
                      ("linear_probe_accuracy[sample]", "elbo")]:  # fmt: skip
        board = board_of(records, key)
        assert set(board.loc[board["rank"] == 1, "objective"]) == {best}


def test_rank_key_defaults_are_stated():
    scores = [bound(1.0), bound(2.0, "iwae_5"), bound(2.0, "iwae_100"), bound(3.0, "rate", None)]
    table = full_table(runs(record(scores=scores)))
    assert str(rank_key(table, "elbo")) == "elbo"
    assert str(rank_key(table)) == "iwae_100 (the default, no rank_by was given)"
    assert str(rank_key(table, "rate")) == "iwae_100 (no run has 'rate' with a direction)"
    assert "no score has a direction" in str(rank_key(full_table(runs(record(scores=[bound(3.0, "rate", None)])))))


def test_labels_name_the_model_only_where_there_are_several():
    one = board_of(
        [*sweep({"elbo": [1.0], "untrained": [1.0]}), record(objective="none", model="pca", scores=[bound(1.0)])]
    )
    assert list(labels(one)) == ["elbo", "untrained mlp", "pca"]
    two = board_of([*sweep({"elbo": [1.0]}), *sweep({"elbo": [1.0]}, model="conv")])
    assert list(labels(two)) == ["elbo mlp", "elbo conv"]
