"""UDR of a sweep: which runs are compared, and what becomes of those that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.reporting.analyses.udr import NAMES, udr
from benchmark.reporting.leaderboard import write_report
from benchmark.reporting.study import Study
from benchmark.store.record import write_record
from metrics.core import Score
from tests.support.records import record

N, D = 400, 4
SCORES = (Score("rate", 5.0, unit="nats"),)


@pytest.fixture
def axes():
    return np.random.default_rng(0).standard_normal((N, D))


def run(folder, codes, stddev=0.1, **more):
    """A run with codes on disk; one axis more is not used."""
    made = record(scores=SCORES, **more)
    folder = folder / "runs" / f"{made.choices['objective']}-{made.config['seed']}"
    write_record(folder, made)
    unused = np.ones((N, 1)) if stddev else np.zeros((N, 1))
    mean = np.hstack([codes, np.zeros((N, 1))]).astype(np.float32)
    np.savez(folder / "codes.npz", test_mean=mean, test_stddev=np.hstack([np.full((N, D), stddev), unused]))
    return folder, made


@pytest.mark.parametrize("assumed", [("none", "standard_normal"), ("diagonal", "none")])
def test_seeds_whose_rate_an_axis_is_unknown_are_not_compared(tmp_path, axes, assumed):
    runs = [run(tmp_path, axes, seed=s) for s in (0, 1)]
    for folder, _ in runs:
        with np.load(folder / "codes.npz", allow_pickle=False) as file:
            np.savez(folder / "codes.npz", assumed=np.array(assumed), **file)
    [reason] = {scores["udr_lasso"].reason for scores in udr_of(runs)}
    assert reason == "the rate of an axis is known for diagonal Gaussians and a standard normal prior only"


def udr_of(runs):
    """The scores that each run gets, by their names."""
    study = Study(Path(), runs, {})
    joined = study.joined(udr(study).scores, {})
    return [{s.name: s for s in one.scores if s.name in NAMES} for _, one in joined.records]


def test_seeds_that_find_the_same_axes_agree(tmp_path, axes):
    turned = axes @ np.linalg.qr(np.random.default_rng(1).standard_normal((D, D)))[0]
    runs = [run(tmp_path, -axes[:, ::-1], seed=s) for s in (0, 1)] + [run(tmp_path, turned, seed=2)]
    first, second, third = udr_of(runs)
    assert first["udr_lasso"].reason == "median over 2 other seeds"
    assert 0.4 < third["udr_lasso"].value < first["udr_lasso"].value == second["udr_lasso"].value < 0.95
    assert (first["udr_lasso"].representation, first["udr_lasso"].selector) == ("mean", "udr")
    assert udr_of(runs)[0] == first  # the same twice


def test_only_seeds_of_one_configuration_are_compared(tmp_path, axes):
    runs = [run(tmp_path, axes, seed=0), run(tmp_path, axes, seed=1), run(tmp_path, axes, objective="iwae", seed=0)]
    runs += [run(tmp_path, axes, objective=name, seed=s) for name in ("none", "untrained") for s in (0, 1)]
    assert [bool(scores) for scores in udr_of(runs)] == [True, True, *[False] * 5]


def test_what_cannot_be_compared_says_why(tmp_path, axes):
    points = [run(tmp_path, axes, 0.0, objective="autoencoder", seed=s) for s in (0, 1)]
    assert {s["udr_lasso"].reason for s in udr_of(points)} == {"a point code has no rate"}
    runs = [run(tmp_path, axes, seed=s) for s in range(3)]
    (runs[0][0] / "codes.npz").unlink()
    lost, second, third = udr_of(runs)
    assert (lost["udr_lasso"].value, lost["udr_lasso"].reason) == (None, "the run has no codes.npz")
    assert second["udr_lasso"].reason == third["udr_lasso"].reason == "of one other seed"
    (runs[1][0] / "codes.npz").write_bytes(b"PK no zip")
    _, broken, alone = udr_of(runs)
    assert broken["udr_lasso"].reason == "the run's codes.npz cannot be read"
    assert alone["udr_lasso"].reason == "no other seed's codes"


@pytest.mark.parametrize("start", [70, 200, 3000])  # of the header, of the first values, of later ones
def test_codes_whose_compressed_bytes_are_damaged_are_said_so(tmp_path, axes, start):
    folder, _ = run(tmp_path, axes, seed=0)
    np.savez_compressed(folder / "codes.npz", test_mean=axes, test_stddev=np.ones_like(axes))
    content = bytearray((folder / "codes.npz").read_bytes())
    content[start : start + 200] = b"\xff" * 200
    (folder / "codes.npz").write_bytes(content)
    broken, _ = udr_of([(folder, record(scores=SCORES, seed=0)), run(tmp_path, axes, seed=1)])
    assert broken["udr_lasso"].reason == "the run's codes.npz cannot be read"


ODD = {
    "the run's codes.npz cannot be read": {"test_mean": np.ones((N, D + 1)) * 1j},
    "the run's codes.npz is of other examples": {key: np.ones((N - 1, D)) for key in ("test_mean", "test_stddev")},
    "the run's codes.npz has means and deviations of two shapes": {"test_mean": np.ones((N, D + 2))},
    "a point code has no rate": {"test_stddev": -np.ones((N, D + 1))},
}


@pytest.mark.parametrize("reason", ODD, ids=str)
def test_codes_that_hold_something_odd_stop_no_other_run(tmp_path, axes, reason):
    runs = [run(tmp_path, axes, seed=s) for s in range(3)]
    with np.load(runs[1][0] / "codes.npz", allow_pickle=False) as file:
        np.savez(runs[1][0] / "codes.npz", **{**file, **ODD[reason]})
    first, odd, third = udr_of(runs)
    assert odd["udr_lasso"].reason == reason
    assert first["udr_lasso"].value == third["udr_lasso"].value > 0.4


def test_udr_joins_the_tables_and_the_claims(tmp_path, axes):
    for seed in range(3):
        run(tmp_path, axes, seed=seed)
    write_report(tmp_path)
    assert "udr_lasso" in (tmp_path / "scores.csv").read_text()
    assert "udr_spearman" in (tmp_path / "leaderboard.csv").read_text()


def test_seeds_that_share_their_udr_give_no_interval_and_no_best(tmp_path, axes):
    for seed in range(2):
        run(tmp_path, axes, seed=seed)
        run(tmp_path, axes @ np.linalg.qr(np.ones((D, D)) + np.eye(D))[0], objective="iwae", seed=seed)
    write_report(tmp_path)
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert board.loc[board["metric"].isin(NAMES), "low"].isna().all()
    assert board.loc[board["metric"] == "rate", "low"].notna().all()
    page = (tmp_path / "leaderboard.md").read_text()
    assert "UDR" in page
    assert "**0." not in page
