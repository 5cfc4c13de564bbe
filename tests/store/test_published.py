"""Published numbers: read as printed, of a known grade, and beside the runs that did the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from benchmark.config.components import ConfigurationError
from benchmark.reporting.analyses.published import not_run
from benchmark.reporting.board import wide_tables
from benchmark.reporting.leaderboard import write_report
from benchmark.reporting.study import Study
from benchmark.reporting.tables import full_table, ranked_board
from benchmark.store.published import GRADES, names, number, read
from benchmark.store.record import write_record
from benchmark.store.selection import BETA
from metrics.core import Score
from metrics.declared import declared
from tests.support.choices import CONF, names_in
from tests.support.composing import compose
from tests.support.records import manifest, record, runs

FOLDER = CONF.parent / "results" / "published"


def score(value, name="beta_vae_score", which="mean"):
    return Score(name, value, None, "accuracy", "higher", which)


def found(**more):
    return record("dsprites", scores=[score(0.8)], **more)


@pytest.mark.parametrize("name", names())
def test_every_number_says_where_it_comes_from(name):
    for row in read(name):
        assert row.grade in GRADES, row
        assert all((row.paper, row.source, row.method, row.dataset, row.protocol)), row
        assert row.error is None or row.error_kind, row
        assert row.value == row.value


def options_of(group, choices):
    """The options that the first of the choices has, or those of a perceptron where any model will do."""
    name = choices[0] if choices else "mlp"
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text())


@pytest.mark.parametrize("row", [row for name in names() for row in read(name) if row.runs], ids=lambda row: row.method)
def test_what_stands_beside_our_runs_can_be_run_and_measured(row):
    for key, values in row.runs.items():
        group, _, option = key.partition(".")
        if key == BETA:
            continue
        if option:
            assert option in options_of(group, row.runs.get(group, []))
        else:
            assert set(values) <= set(names_in(group))
    assert ((of := declared(row.metric)) and of.column) or row.metric == "iwae"


@pytest.mark.parametrize("name", names())
def test_no_run_has_two_counterparts(name):
    keys = [(repr(row.runs), row.metric) for row in read(name) if row.runs]
    assert len(keys) == len(set(keys))


def test_numbers_are_kept_as_printed():
    with (FOLDER / "higgins2017.csv").open() as file:
        printed = {row["method"]: (row["value"], row["error"]) for row in csv.DictReader(file)}
    assert printed["beta-VAE (beta = 4)"] == ("99.23", "0.1")
    assert printed["PCA"] == ("84.9", "")
    assert "untrained VAE" not in printed  # nobody we know has read that number
    values = {row.method: (row.value, row.error) for row in read("higgins2017")}
    assert values["beta-VAE (beta = 4)"] == (0.9923, 0.001)
    burda = {(row.dataset, row.method): row.value for row in read("burda2016") if row.metric == "iwae_5000"}
    assert burda["MNIST, dynamic binarisation", "IWAE (k = 50, 1 stochastic layer)"] == -84.78
    assert number(0.9923, 0.001) == "0.9923 (± 0.001)"
    assert number(-86.76, None) == "-86.76"


def test_a_run_stands_beside_the_paper_that_did_the_same():
    rows = {row.method: row for row in read("higgins2017")}
    beta, vae, pca, other = (rows[name] for name in ("beta-VAE (beta = 4)", "VAE (beta = 1)", "PCA", "InfoGAN"))
    assert beta.is_of(found(objective="beta_vae", options={"beta": 4.0}))
    assert not beta.is_of(found(objective="beta_vae", options={"beta": 2.0}))
    assert vae.is_of(found())
    assert vae.is_of(found(objective="beta_vae", options={"beta": 1.0}))
    assert not vae.is_of(record("mnist5k", scores=[score(0.8)]))
    assert pca.is_of(found(model="pca", objective="none"))
    assert not any(other.is_of(one) for one in (found(), found(model="pca", objective="none")))
    iwae = next(row for row in read("burda2016") if row.metric == "iwae_5000")
    assert iwae.measures(Score("iwae_100", -90.0))
    assert not iwae.measures(Score("elbo", -90.0))


def test_the_published_column_is_right_beside_ours():
    records = runs(found(), found(objective="beta_vae"), found(model="noise", objective="none"))
    table = full_table(records, read("higgins2017"))
    board = ranked_board(table, "beta_vae_score")
    assert set(board["published"].dropna()) == {0.6158, 0.9923}
    [wide] = wide_tables(board, table)
    assert [head[0].rstrip("¹ ↑") for head in wide.headers[3:]] == ["beta-VAE score", "published"]
    cells = {row[1]: row[4] for row in (*wide.trained, *wide.references)}
    assert cells == {"elbo": "0.6158 (± 0.005)", "beta_vae beta=4": "0.9923 (± 0.001)", "noise": ""}
    assert wide.notes[0].startswith("Higgins et al. (2017), Figure 6, as secondary sources give it [S]: beta_vae_score")
    [wide] = wide_tables(ranked_board(full_table(records)), full_table(records))
    assert len(wide.headers) == 4


def study(published, *records):
    return Study(Path(), runs(*records), {}, published)


def test_what_was_not_run_here_has_a_section_of_its_own():
    [section] = not_run(study(read("higgins2017"), found(), found(objective="beta_vae"))).sections
    assert section.title == "Published, not run here"
    [line] = section.lines
    assert "DC-IGN: 0.993 (± 0.001); InfoGAN: 0.735 (± 0.009)" in line
    assert "61.58" not in line
    assert "[S]" in line
    assert not_run(study([], found())).sections == []


def test_the_report_follows_the_manifest(tmp_path: Path):
    write_record(tmp_path / "runs" / "a", found())
    manifest(tmp_path, claims=[], rank_by="beta_vae_score", published="higgins2017")
    page = write_report(tmp_path).text
    assert "0.6158 (± 0.005)" in page
    assert "Published, not run here" in page
    assert "published,published_error,published_source" in (tmp_path / "leaderboard.csv").read_text()


def test_a_misspelt_name_is_one_line_before_anything_runs():
    with pytest.raises(ConfigurationError, match="published=higgins: no such file") as error:
        compose(["published=higgins"])
    assert "did you mean higgins2017?" in str(error.value)
    with pytest.raises(ValueError, match=r"published=none: .*there are alemi2017, burda2016"):
        read("none")
