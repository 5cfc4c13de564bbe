"""Figures of options: which options get one, who is on a line, and what the axis says."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.reporting.columns import headline_rows
from benchmark.reporting.figures.options import option_figures, scale_of
from benchmark.reporting.leaderboard import write_report
from benchmark.reporting.tables import full_table, ranked_board
from benchmark.store.record import write_record
from tests.support.records import bound, record


def made(objective, value, seeds=(0,), **more):
    return [record(objective=objective, seed=s, scores=[bound(value + s / 10)], **more) for s in seeds]


def option(objective, key, values, **more):
    return [one for value in values for one in made(objective, -value, options={key: value, **more})]


def figures(records, folder=Path("nowhere")):
    table = full_table([(Path(f"run-{i}"), one) for i, one in enumerate(records)])
    drawn = option_figures(folder, headline_rows(table), headline_rows(ranked_board(table)))
    return {name: figure for name, draw in drawn.items() if (figure := draw()) is not None}


def lines(figure):
    """Name in the legend -> the points of its line in the first facet."""
    found = [line.get_xydata().tolist() for line in figure.axes[0].lines if line.get_linestyle() == "-"]
    return dict(zip([text.get_text() for text in figure.legends[0].get_texts()], found, strict=True))


@pytest.mark.parametrize("key", ["beta", "num_samples", "capacity", "learning_rate"])
def test_any_option_of_three_values_has_a_figure_of_its_own(key):
    assert figures(option("beta_vae", key, (2.0, 4.0))) == {}
    name = "beta" if key == "beta" else f"option_{key}"
    found = figures(option("beta_vae", key, (2.0, 4.0, 8.0)))
    assert list(found) == [name]
    [ax] = found[name].axes
    assert ax.lines[0].get_xydata().tolist() == [[2.0, -2.0], [4.0, -4.0], [8.0, -8.0]]
    assert ax.get_xlabel() == ("num samples (K)" if key == "num_samples" else key.replace("_", " "))


def test_an_option_of_the_model_or_trainer_has_one_too():
    parts = [{"model": {"latent_dim": d}, "trainer": {"steps": 10 * d}} for d in (2, 4, 8)]
    found = figures([one for part in parts for one in made("elbo", -1.0, config=part)])
    assert sorted(found) == ["option_latent_dim", "option_steps"]
    assert "(ELBO (changes steps too))" in found["option_latent_dim"].get_suptitle().replace("\n", " ")


def test_a_line_is_runs_alike_in_all_other_options():
    runs = [one for rest in (1, 5) for one in option("beta_vae", "beta", (2.0, 4.0, 8.0), warm_up=rest)]
    found = figures(runs)
    assert list(found) == ["beta"]
    three = [[2.0, -2.0], [4.0, -4.0], [8.0, -8.0]]
    assert lines(found["beta"]) == {"beta-VAE warm up=1": three, "beta-VAE warm up=5": three}
    assert figures([*option("beta_vae", "beta", (2.0, 4.0), a=1), *option("beta_vae", "beta", (8.0,), a=2)]) == {}


def test_lines_pass_through_the_elbo_where_they_become_it():
    runs = [*made("elbo", -1.0), *option("iwae", "num_samples", (2, 4)), *option("beta_vae", "beta", (2.0, 4.0))]
    found = figures(runs)
    assert sorted(found) == ["beta", "option_num_samples"]
    for name, words in (("beta", "beta"), ("option_num_samples", "num samples (K)")):
        assert found[name].axes[0].lines[0].get_xydata().tolist() == [[1.0, -1.0], [2.0, -2.0], [4.0, -4.0]]
        assert found[name].get_suptitle().replace("\n", " ").endswith(f"; the ELBO is {words} = 1")
    assert figures([*made("elbo", -1.0), *option("beta_vae", "num_samples", (2, 4))]) == {}  # L_1 is of IWAE alone


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ((1, 2, 4, 8), "log"),
        ((1e-4, 1e-3, 1e-2), "log"),
        ((1, 2, 3, 4), "linear"),
        ((10, 20, 30), "linear"),
        ((0, 0.5, 1), "linear"),
        ((0, 1, 10, 100), "symlog"),
        ((-1, 0, 1), "linear"),
        ((0,), "linear"),
    ],
)
def test_an_axis_shows_its_values_evenly(values, scale):
    assert scale_of(values)["value"] == scale


def test_numbers_on_an_axis_have_room():
    [figure] = figures(option("beta_vae", "beta", (*np.linspace(1, 2, 20), 50.0))).values()
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_xticklabels()]
    assert len(boxes) > 1
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])


def test_figures_of_options_that_no_longer_vary_are_removed(tmp_path):
    for i, one in enumerate(option("iwae", "num_samples", (2, 4, 8))):
        write_record(tmp_path / "runs" / str(i), one)
    for name in ("beta.png", "option_old.png", "option_old.svg"):
        (tmp_path / name).write_bytes(b"old")
    write_report(tmp_path)
    assert {path.name for path in tmp_path.glob("*.??g")} == {"option_num_samples.png", "leaderboard.png"}
    assert "![option num samples](option_num_samples.png)" in (tmp_path / "leaderboard.md").read_text()


@pytest.mark.parametrize("odd", [True, "many", None, 10**400, float("1e300"), [1, 2]])
def test_what_is_no_number_is_on_no_axis(odd):
    assert figures(option("beta_vae", "beta", (2.0, 4.0)) + made("beta_vae", 1.0, options={"beta": odd})) == {}


@pytest.mark.parametrize("odd", ["many", None, [1, 2], 10**400])
def test_another_option_may_be_a_number_in_some_runs_only(odd):
    rest = (1.0, odd, 3.0, 4.0)
    runs = [one for i, a in enumerate(rest) for one in option("beta_vae", "beta", (2.0**i,), a=a)]
    assert "beta" not in figures(runs)
    assert "beta" in figures([*runs, *option("beta_vae", "beta", (1.0, 2.0, 4.0), a=9.0)])


def test_an_option_with_an_odd_name_has_a_file_with_a_plain_one():
    assert list(figures(option("beta_vae", "../a b", (2, 4, 8)))) == ["option__a_b"]
