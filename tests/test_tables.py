"""The tidy table, what varies, the leaderboard and its ranks, on records whose answers are known."""

from pathlib import Path

import pandas as pd
import pytest
from bench_report import record
from scipy import stats

from benchmark.report import escape, latex, markdown, terminal, wide_tables
from benchmark.tables import BOARD, COLUMNS, full_table, labels, leaderboard, rank_key, scores_table, varied
from metrics.core import Score


def bound(value, name="elbo", better="higher", **more):
    return Score(name, value, 0.1, "nats", better, **more)


def runs(*records):
    return [(Path(f"run-{i}"), one) for i, one in enumerate(records)]


def sweep(values, **more):
    """objective -> ELBO per seed, as records."""
    return [
        record(objective=o, seed=s, scores=[bound(v)], **more) for o, vs in values.items() for s, v in enumerate(vs)
    ]


def board_of(records, rank_by="elbo"):
    return leaderboard(full_table(runs(*records)), rank_by)


def test_columns_of_scores_csv():
    expected = [
        "run",
        "experiment",
        "dataset",
        "model",
        "objective",
        "varied",
        "seed",
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


def test_nothing_varies_where_choices_say_it_all():
    assert varied(sweep({"elbo": [1, 2], "beta_vae": [3, 4]})) == [""] * 4


def test_only_what_varies_within_a_choice_is_named():
    records = [record(objective="beta_vae", options={"beta": b, "kl": "analytic"}) for b in (1.0, 4.0, 0.5)]
    assert varied([*records, record(objective="elbo")]) == ["beta=1", "beta=4", "beta=0.5", ""]


def test_equal_numbers_do_not_vary():
    assert varied([record(objective="beta_vae", options={"beta": b}) for b in (4, 4.0)]) == ["", ""]


def test_an_option_that_some_runs_lack_varies():
    options = [{"beta": 4.0}, {"beta": 4.0, "warm_up": 10}]
    assert varied([record(objective="beta_vae", options=o) for o in options]) == ["", "warm_up=10"]


def test_trainer_options_vary_among_all_trained_runs_and_never_seeds_or_metrics():
    slow = {"trainer": {"epochs": 99}, "metrics": {"mig": {}}, "data_checksum": "other"}
    records = [record(config={"trainer": {"epochs": 20}}), record(objective="iwae", config=slow, seed=1)]
    assert varied([*records, record(objective="none", model="pca")]) == ["epochs=20", "epochs=99", ""]


def test_ambiguous_names_are_given_in_full():
    parts = [{"model": {"width": w}, "dataset": {"width": w}} for w in (1, 2)]
    assert varied([record(config=part) for part in parts])[1] == "dataset.width=2, model.width=2"


def test_large_integers_are_not_rounded():
    records = [record(config={"dataset": {"size": size}}) for size in (1234567, 1234568)]
    assert varied(records) == ["size=1234567", "size=1234568"]


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
    assert [wide.group for wide in wides] == ["a", "b"]
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


@pytest.fixture
def page():
    def scores(elbo, rate, mig):
        cap, why = {"reason": "at most log N"}, "" if mig else "one factor only"
        return [bound(elbo), bound(rate, "rate", None), bound(4.0, "mutual_information", None, **cap),
                Score("mig_hist", mig, None, "score", "higher", "mean", reason=why)]  # fmt: skip

    clear = [record(objective="iwae", seed=s, scores=scores(-80.0 + s / 10, 1.0 + s, 0.5 + s / 9)) for s in range(3)]
    other = [record(objective="elbo", seed=s, scores=scores(-90.0 + s / 8, 1.0 - s, 0.5 - s / 9)) for s in range(3)]
    blank = record(objective="none", model="pca", scores=scores(None, None, None))
    records = [*clear, *other, blank]
    return wide_tables(board_of(records), full_table(runs(*records)))[0]


def test_wide_table(page):
    assert [head[0] for head in page.headers] == [
        "rank",
        "configuration",
        "seeds",
        "rate",
        "ELBO ↑",
        "mutual information¹",
        "MIG ↑",
    ]
    assert page.headers[4][2] == "nats"
    assert page.headers[6][1] == "mean codes"
    assert [row[:3] for row in page.trained] == [["1", "iwae", "3"], ["2", "elbo", "3"]]
    assert page.references[0][:3] == ["", "pca", "1"]
    assert page.references[0][3].startswith("—")
    assert "one factor only" in page.notes
    assert page.notes.count("at most log N") == 1


def test_only_certain_differences_are_bold(page):
    elbo, mig = ([row[i] for row in page.trained] for i in (4, 6))
    assert elbo[0] == "**-79.90 ± 0.25**"
    assert "**" not in elbo[1]
    assert not any("**" in cell for cell in mig)
    assert not any("**" in row[3] for row in page.trained)  # a rate has no direction


def test_the_same_table_in_three_notations(page):
    assert "| 1 | iwae | 3 |" in markdown(page)
    assert "*references*" in markdown(page)
    tex = latex(page)
    assert r"\textbf{-79.90 $\pm$ 0.25}" in tex
    assert r"ELBO $\uparrow$" in tex
    assert r"\textsuperscript{1}" in tex
    assert tex.count("\\begin") == tex.count("\\end") == 2
    assert tex.count("{") == tex.count("}")
    rows = [line for line in tex.split("\n") if line.endswith(r"\\")]
    assert len({line.replace(r"\&", "").count("&") for line in rows}) == 1
    assert "-79.90 ± 0.25*" in terminal(page)


def test_terminal_fits(page):
    wide = [*page.topics, *["representation"] * 12]
    extra = [[*row, *["0.123 ± 0.045"] * 12] for row in page.trained]
    heads = [*page.headers, *[("linear probe accuracy ↑", "mean codes, 1000 labels", "")] * 12]
    text = terminal(type(page)(page.group, heads, wide, extra, [], [], []))
    assert max(map(len, text.split("\n"))) <= 138
    assert text.count("configuration") > 1


def test_escape():
    assert escape("a_b & 5% of $x^2 #{y} ~ \\") == (
        r"a\_b \& 5\% of \$x\textasciicircum{}2 \#\{y\} \textasciitilde{} \textbackslash{}"
    )
    assert escape("1 ± 2 ↓ — ¹²") == r"1 $\pm$ 2 $\downarrow$ --- \textsuperscript{12}"


def test_pseudo_nats_are_never_called_nats():
    records = sweep({"elbo": [-90.0, -91.0]}, group="mnist5k/none/pseudo-nats/ab")
    assert wide_tables(board_of(records), full_table(runs(*records)))[0].headers[3][2] == "pseudo-nats"
