"""The plane by families: hulls and areas against known shapes, what a family is, what lies below, q to q_EW."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.reporting.analyses.plane import plane
from benchmark.reporting.frontier import areas, distances, height, lower_hull, vertices
from benchmark.reporting.study import Study
from benchmark.store.curves import keep_curves
from benchmark.store.history import write_rows
from metrics.core import AMORTISED, Score
from tests.support.records import record, runs


def frame(rates, distortions, family="one", seeds=None, chosen=None):
    numbers = range(len(rates))
    known = (rates, distortions) if chosen is None else chosen
    return pd.DataFrame({
        "label": [f"{family} {i}" for i in numbers], "family": family, "seed": seeds or [0] * len(rates),
        "rate": rates, "distortion": distortions, "chosen_rate": known[0], "chosen_distortion": known[1],
    })  # fmt: skip


def test_a_hull_is_what_a_line_can_rest_on_from_below():
    rates, distortions = np.array([0.0, 1, 2, 3, 4, 5]), np.array([10.0, 6, 5.5, 2, 1.9, 2.5])
    assert lower_hull(rates, distortions).tolist() == [0, 1, 3, 4]  # 2 lies above a line, 5 has a higher distortion
    assert lower_hull(rates[:1], distortions[:1]).tolist() == [0]
    assert lower_hull(np.array([1.0, 1.0]), np.array([3.0, 2.0])).tolist() == [1]


def test_every_point_is_above_the_hull_and_the_vertices_are_on_it():
    rng = np.random.default_rng(0)
    rates, distortions = rng.uniform(0, 10, 200), rng.uniform(0, 10, 200)
    kept = lower_hull(rates, distortions)
    level = height(rates, rates[kept], distortions[kept])
    inside = ~np.isnan(level)
    assert (distortions[inside] >= level[inside] - 1e-12).all()
    np.testing.assert_allclose(level[kept], distortions[kept])
    slopes = np.diff(distortions[kept]) / np.diff(rates[kept])
    assert (slopes < 0).all()
    assert (np.diff(slopes) > 0).all()


def test_validation_chooses_and_test_is_read():
    runs_of = frame([0.0, 1.0, 2.0], [9.0, 9.0, 1.0], chosen=([0.0, 1.0, 2.0], [9.0, 2.0, 1.0]))
    found = vertices(runs_of)
    assert found["distortion"].tolist() == [9.0, 9.0, 1.0]  # on the test split the middle one is above the line
    assert set(found["by"]) == {"validation"}
    runs_of.loc[0, "chosen_rate"] = np.nan
    assert vertices(runs_of)["by"].tolist() == ["test", "test"]


def test_distances_are_vertical_to_the_hull_of_all_families():
    both = pd.concat([frame([0.0, 4.0], [8.0, 0.0], "a"), frame([2.0, 4.0], [5.0, 3.0], "b")], ignore_index=True)
    assert distances(both).tolist() == [0.0, 0.0, 1.0, 3.0]


def test_the_area_of_a_line_of_equal_elbo_is_what_it_is_above_the_floor():
    rates = [0.0, 2.0, 4.0]
    level = [frame(rates, [10 - r + by for r in rates], family, [seed] * 3) for family, seed, by in
             (("a", 0, 1.0), ("a", 1, 2.0), ("b", 0, 3.0), ("b", 1, 3.0))]  # fmt: skip
    level.append(
        frame([0.0, 4.0], [90.0, 80.0], "b", [2] * 2)
    )  # a seed that lacks a configuration is no frontier of it
    found, span = areas(pd.concat(level, ignore_index=True), floor=10.0)
    assert span == (0.0, 4.0)
    assert found["mean"].tolist() == pytest.approx([1.5, 3.0])
    assert found["n"].tolist() == [2, 2]
    assert found["high"].iloc[0] == pytest.approx(
        1.5 + 12.706 * 0.5, abs=1e-2
    )  # Student's t with one degree of freedom


def run(tmp_path, rate, distortion, seed=0, objective="beta_vae", options=None, more=(), **extra):
    scores = [Score("rate", rate, 0.1, "nats"), Score("distortion", distortion, 0.1, "nats"),
              Score("elbo", -rate - distortion, 0.1, "nats"), *more]  # fmt: skip
    return record(objective=objective, seed=seed, scores=scores, options=options or {}, **extra)


def findings(tmp_path, *records):
    found = runs(*records)
    return plane(Study(tmp_path, [(tmp_path / "runs" / folder.name, one) for folder, one in found], {}))


def test_families_are_heads_and_objectives_that_beta_does_not_press_all_of(tmp_path):
    model = {"model": {"_target_": "models.networks.mlp"}}
    mixture = run(
        tmp_path, 2.5, 6.5, options={"beta": 0.5}, config={**model, "prior": {"_target_": "models.priors.Mixture"}}
    )
    some = [
        run(tmp_path, 1.0, 9.0, options={"beta": 1.0}, config=model),
        run(tmp_path, 2.0, 7.0, options={"beta": 0.5}, config=model),
        run(tmp_path, 3.0, 7.0, objective="target_rate", options={"target": 3.0}, config=model),
        run(tmp_path, 4.0, 6.9, objective="beta_tcvae", options={"beta": 6.0}, config=model),
        replace(mixture, choices={**mixture.choices, "prior": "mixture"}),
    ]
    found = findings(tmp_path, *some).tables["plane"].set_index("rate")
    families = found["family"].to_dict()
    assert families.pop(2.5) == "mixture"
    assert families == {1.0: "beta-VAE", 2.0: "beta-VAE", 3.0: "target_rate", 4.0: "beta_tcvae"}
    assert found["beta"].dropna().to_dict() == {1.0: 1.0, 2.0: 0.5, 2.5: 0.5}  # a TC-VAE's beta weighs no rate
    assert found.loc[3.0, "target"] == 3.0


def test_below_a_known_entropy_is_infeasible_and_else_below_the_best_model(tmp_path):
    known = [Score("data_entropy", 9.5, unit="nats")]
    some = [run(tmp_path, 1.0, 9.0, options={"beta": 1.0}), run(tmp_path, 2.0, 8.5, options={"beta": 0.5})]
    drawn = findings(tmp_path, *some).figures["plane"].args[0][0]
    assert (drawn.floor, drawn.known) == (10.0, False)
    entropic = run(tmp_path, 3.0, 8.0, options={"beta": 0.25}, more=known)
    drawn = findings(tmp_path, *some, entropic).figures["plane"].args[0][0]
    assert (drawn.floor, drawn.known) == (9.5, True)


def test_the_kept_weights_on_validation_examples_choose(tmp_path):
    one = run(tmp_path, 1.0, 9.0, options={"beta": 1.0})
    [(folder, _)] = runs(one)
    place = tmp_path / "runs" / folder.name
    place.mkdir(parents=True)
    rows = [{"step": step, "validation_rate": rate, "validation_distortion": 8.0, "kept": kept} for step, rate, kept in
            ((0, 5.0, False), (10, 1.25, True), (20, 7.0, False))]  # fmt: skip
    write_rows(place, rows)
    drawn = findings(tmp_path, one).figures["plane"].args[0][0]
    assert drawn.dots[["chosen_rate", "chosen_distortion"]].to_numpy().tolist() == [[1.25, 8.0]]


def test_an_arrow_goes_to_the_resampled_posterior(tmp_path):
    readouts = {"resampled": {"readout": {"_target_": "models.readouts.resampled", "num_samples": 5}, "metrics": {}}}
    one = run(tmp_path, 4.0, 9.0, objective="iwae", more=[
        Score("distortion", 8.0, 0.1, "nats", readout="resampled")], config={"readouts": readouts})  # fmt: skip
    [(folder, _)] = runs(one)
    place = tmp_path / "runs" / folder.name
    place.mkdir(parents=True)
    keep_curves(place, AMORTISED, {"iwae": np.array([[1.0, -13, 0.1], [5.0, -12.5, 0.1]])}, False)
    [arrow] = findings(tmp_path, one).figures["plane"].args[0][0].arrows
    assert arrow == (4.0, 9.0, 4.5, 8.0)


def test_it_draws_groups_families_targets_and_the_optimum(tmp_path):
    some = [run(tmp_path, 1.0, 9.0, options={"beta": 1.0}), run(tmp_path, 2.0, 7.5, options={"beta": 0.5}),
            run(tmp_path, 3.0, 7.0, objective="target_rate", options={"target": 3.0}),
            run(tmp_path, 2.0, 7.0, options={"beta": 0.5}, dataset="sprites")]  # fmt: skip
    [(folder, _)] = runs(some[0])
    place = tmp_path / "runs" / folder.name
    place.mkdir(parents=True)
    keep_curves(place, AMORTISED, {"blahut_arimoto": np.array([[0.5, 9.5, 2.0], [3.0, 6.0, 0.5]])}, False)
    figure = findings(tmp_path, *some).figures["plane"]()
    assert figure is not None
    words = {text.get_text() for legend in figure.legends for text in legend.get_texts()}
    assert {"beta-VAE", "a target for the rate", "best codes for the given decoder (exact)"} <= words


def test_nothing_to_compare_is_no_figure(tmp_path):
    assert findings(tmp_path, run(tmp_path, 1.0, 9.0, options={"beta": 1.0})).figures["plane"]() is None
    assert plane(Study(Path(), [], {})).figures == {}
