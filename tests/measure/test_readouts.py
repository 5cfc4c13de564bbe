"""Readouts of a run: each has scores, files and streams of its own, trains nothing, and disturbs no other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark import score
from benchmark.__main__ import main
from benchmark.config.components import ConfigurationError
from benchmark.experiment import execute, finished, missing_metrics
from benchmark.measure import readout
from benchmark.store.arrays import read_arrays
from benchmark.store.codes import of_a_run
from benchmark.store.curves import read_curves
from benchmark.store.measured import joined, measured, missing
from benchmark.store.record import FILE, read_record
from benchmark.sweeping.prepare import prepare
from tests.support.choices import FIXTURES, TINY

THREE = "readout=[amortised,optimised,resampled]"
CHEAP = ("readout.optimised.steps=5", "readout.resampled.num_samples=4", "readout.resampled.num_sets=2")
FEW = "metrics.rate_distortion.num_samples=100"
SMALL = "metrics.evidence.num_samples=20"
METRICS = ("metrics=[rate_distortion,evidence,unsupervised]", SMALL, FEW)


def of(record, name):
    """The scores of one readout, without its name."""
    return [one for one in record.scores if one.readout == name]


def test_every_metric_is_asked_of_each_readout(plan_of_run):
    record = execute(plan_of_run(THREE, *CHEAP, *METRICS))
    own, best, q_ew = (of(record, name) for name in ("amortised", "optimised", "resampled"))
    assert {one.selector for one in best} == {one.selector for one in q_ew} == {one.selector for one in own}
    assert {one.representation for one in own} == {None, "mean", "sample"}
    assert {one.representation for one in best} == {None, "optimised_mean", "optimised_sample"}
    assert {one.representation for one in q_ew} == {None, "q_ew_mean", "q_ew_sample"}
    assert record.score("elbo").readout == "amortised"
    assert record.score("elbo", readout="optimised").value > record.score("elbo").value  # the amortisation gap
    for name in ("rate", "elbo"):
        assert record.score(name, readout="resampled").value is None
        assert "no density in closed form" in record.score(name, readout="resampled").reason
    assert record.score("distortion", readout="resampled").value < record.score("distortion").value
    assert record.score("iwae_20", readout="resampled").reason
    view = record.score("gaussian_total_correlation", "q_ew_mean")
    assert view.readout == "resampled"


def test_a_readout_scores_the_same_whoever_else_is_asked(plan_of_run, tmp_path):
    alone = execute(plan_of_run(*METRICS))
    every = execute(plan_of_run(THREE, *CHEAP, *METRICS, f"results_dir={tmp_path / 'other'}"))
    assert of(every, "amortised") == of(alone, "amortised") == list(alone.scores)
    single = execute(plan_of_run("readout=resampled", *CHEAP[1:], *METRICS, f"results_dir={tmp_path / 'third'}"))
    assert of(every, "resampled") == list(single.scores)


def test_another_readout_trains_nothing_and_keeps_what_was_there(plan_of_run):
    plan = plan_of_run(*METRICS)
    first = execute(plan)
    weights, codes = ((plan.folder / name).stat().st_mtime_ns for name in ("model.safetensors", "codes.npz"))
    more = plan_of_run("readout=resampled", *CHEAP[1:], "metrics=[rate_distortion,unsupervised]", FEW)
    assert more.folder == plan.folder
    assert list(missing_metrics(more, first)) == ["resampled"]
    second = execute(more)
    assert of(second, "amortised") == list(first.scores)
    assert {one.selector for one in of(second, "resampled")} == {"rate_distortion", "unsupervised"}
    assert (plan.folder / "model.safetensors").stat().st_mtime_ns == weights
    assert (plan.folder / "codes.npz").stat().st_mtime_ns == codes
    assert finished(plan)
    assert finished(more)
    other = plan_of_run("readout=resampled", "readout.resampled.num_samples=3", "metrics=[unsupervised]")
    assert not finished(other)
    third = execute(other)
    assert {one.selector for one in of(third, "resampled")} == {"unsupervised"}  # of other options nothing is kept
    assert of(third, "amortised") == list(first.scores)
    assert not finished(more)


def test_what_force_trains_anew_leaves_no_codes_of_before(plan_of_run):
    plan = plan_of_run(THREE, *CHEAP, "metrics=[unsupervised]")
    execute(plan)
    assert (plan.folder / "codes_resampled.npz").exists()
    execute(plan_of_run("force=true", "metrics=[unsupervised]"))
    assert not list(plan.folder.glob("*_resampled.*"))
    assert (plan.folder / "codes.npz").exists()


def test_codes_of_a_readout_are_read_back_and_scored(plan_of_run):
    plan = plan_of_run("readout=[amortised,resampled]", *CHEAP[1:], "metrics=[unsupervised]")
    record = execute(plan)
    path = plan.folder / "codes_resampled.npz"
    found = of_a_run(read_arrays(path))
    assert found.readout == "resampled"
    assert found.views == ("q_ew_mean", "q_ew_sample")
    assert found.test.estimated
    assert found.test.density is None
    assert (found.test.stddev > 0).all()
    frame = score(path, ["metrics=[unsupervised]"])
    assert set(frame["readout"]) == {"resampled"}
    view = frame.set_index(["name", "representation"])["value"]["gaussian_total_correlation", "q_ew_mean"]
    assert view == pytest.approx(record.score("gaussian_total_correlation", "q_ew_mean").value, abs=1e-4)
    with pytest.raises(ConfigurationError, match=r"^readout=resampled: needs a model"):
        score(path, ["metrics=[unsupervised]", "readout=resampled"])


def test_the_curve_of_bounds_is_kept(plan_of_run):
    plan = plan_of_run("readout=[amortised,optimised]", CHEAP[0], "metrics=[rate_distortion,evidence]", SMALL, FEW)
    record = execute(plan)
    for name in ("amortised", "optimised"):
        curve = read_curves(plan.folder, name)["iwae"]
        assert curve[:, 0].tolist() == [1, 2, 5, 10, 20]
        assert curve[-1, 1] == pytest.approx(record.score("iwae_20", readout=name).value)
        assert curve[-1, 2] == pytest.approx(record.score("iwae_20", readout=name).stderr)
        assert (np.diff(curve[:, 1]) > 0).all()
        assert curve[0, 1] == pytest.approx(record.score("elbo", readout=name).value, abs=5 * curve[0, 2])
    execute(plan_of_run("metrics=[unsupervised]"))
    assert read_curves(plan.folder)["iwae"].shape == (5, 3)


def test_a_part_of_the_examples_is_optimised_as_the_whole(plan_of_run):
    """A block that num_examples cuts keeps the optimised posterior, which the encoder cannot make anew."""
    plan = plan_of_run("readout=optimised", CHEAP[0], "metrics=[evidence]", SMALL, "metrics.evidence.num_examples=30")
    record = execute(plan)
    assert record.score("iwae_20", readout="optimised").reason == "30 of 400 test examples"


REFUSED = [
    (("objective=autoencoder", "readout=resampled"), "readout=resampled: needs a posterior with a density"),
    (("objective=autoencoder", THREE), "readout=optimised: needs a posterior with a density"),
    (
        ("model=pca", "readout=resampled"),
        "readout=resampled: needs a posterior, and model=pca has",
    ),
    (("readout=[]",), "readout: there are none; choose one or more, as readout=[amortised,resampled]"),
    (("readout=best",), "readout=best: no such choice"),
    (("readout=resampled", "readout.resampled.num_sets=0"), "readout.resampled.num_sets=0: Input should be greater"),
    (("readout=resampled", "readout.resampled.sets=2"), "readout.resampled.sets: no such key"),
]


@pytest.mark.parametrize(("typed", "said"), REFUSED)
def test_a_readout_that_cannot_be_is_refused_before_training(typed, said, tmp_path, cache_dir, capsys):
    assert main([*TINY, *typed, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(f"error: {said}")
    assert len(lines) == 1
    assert not list(tmp_path.iterdir())


def test_references_leave_readouts_out_where_others_have_them(plan_of_run):
    asked = ("readout=[amortised,resampled]", *CHEAP[1:], "metrics=[rate_distortion,unsupervised]", FEW)
    plans = [plan_of_run(*asked, *more) for more in ((), ("model=noise",))]
    prepare(plans)
    record = execute(plans[1])
    assert {one.readout for one in record.scores} == {"amortised"}
    assert set(record.left_out) == {"unsupervised[resampled]", "rate_distortion[resampled]"}
    assert "codes of a reference have no posterior" in record.left_out["unsupervised[resampled]"]
    assert finished(plans[1])


def test_readouts_are_rehearsed_before_training(plan_of_run, monkeypatch):
    plan = plan_of_run("readout=resampled", *CHEAP[1:])
    monkeypatch.setattr(readout, "_rehearsed", set())

    def broken(*_, **__):
        raise ValueError("does not fit")

    monkeypatch.setattr("models.readouts.weighted", broken)
    with pytest.raises(ValueError, match="does not fit"):
        execute(plan)
    assert not (plan.folder / "model.safetensors").exists()


def test_records_of_before_are_of_the_encoder():
    records = [read_record(path.parent) for path in FIXTURES.rglob(FILE)]
    assert len(records) == 5
    for record in records:
        assert {(one.readout, one.split) for one in record.scores} == {("amortised", "test")}
        assert list(measured(record.config)) == ["amortised"]
        assert measured(record.config)["amortised"].metrics == record.config["metrics"]
        assert record.validation == ()


def test_the_bookkeeping_of_what_was_measured_comes_back_from_json():
    before = {"metrics": {"mig": {"bins": 20}}}
    now = {"q": ({"K": 5}, {"mig": {"bins": 20}}), "amortised": ({}, {"dci": {}})}
    config = json.loads(json.dumps(joined(measured(before), now)))
    assert config["metrics"] == {"mig": {"bins": 20}, "dci": {}}
    assert config["readouts"] == {"q": {"readout": {"K": 5}, "metrics": {"mig": {"bins": 20}}}}
    assert missing(measured(config), now) == {}
    assert missing(measured(config), {"q": ({"K": 6}, {"mig": {"bins": 20}})}) == {"q": ["mig"]}
    assert missing(measured(config), {"q": ({"K": 5}, {"mig": {"bins": 9}, "dci": {}})}) == {"q": ["mig", "dci"]}
    assert joined(measured(config), {"q": ({"K": 6}, {"dci": {}})})["readouts"]["q"]["metrics"] == {"dci": {}}
    assert "readouts" not in joined(measured(before), {"amortised": ({}, {"dci": {}})})
