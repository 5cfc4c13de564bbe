"""Each axis has a scale of its own: units, far values and collapsed axes neither help nor hurt, and rows say what was
done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metrics import Codes, Representation, functional
from metrics.infomec import infomec, wide_axes
from metrics.scaling import COLLAPSED, scaling, standardised
from tests.support.metric_cases import QUICK, representation, with_constant, with_outlier

FEW = {
    "linear_probe": {"num_labels": (300,)},
    "knn_probe": {"num_labels": (300,)},
    "mlp_probe": {"num_labels": (300,)},
    "beta_vae_score": {"num_train": 400, "num_test": 200},
    "factor_vae_score": {"num_train": 400, "num_test": 200},
}
SCALED = (*FEW, "explicitness", "infomec", "mig_sup", "dci")


def normal(*spread: float, n: int = 4000) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, len(spread))) * spread


def test_every_axis_has_mean_zero_and_spread_one_in_any_units():
    codes = normal(1, 1e-3, 1e6) + np.array([0, 5, -1e9])
    found = scaling(codes)
    plainly = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    assert found(codes) == pytest.approx(plainly, abs=1e-6)
    assert found.active.all()
    assert found.note(codes) == ""
    for tiny in (1e-200, 1e-9):
        assert scaling(tiny * codes)(tiny * codes) == pytest.approx(plainly, abs=1e-6)


def test_a_constant_axis_is_zero_and_rounding_is_no_spread():
    jitter = 0.1 + 1e-17 * np.arange(200.0) + np.where(np.arange(200) % 2, 2e-16, 0)
    codes = np.column_stack([np.full(200, 0.1), jitter, np.full(200, -3.0)])
    found = scaling(codes)
    assert not found.active.any()
    assert (found(codes) == 0).all()
    assert (found(codes + 1e5) == 0).all()


def test_one_outlier_moves_no_spread_and_ends_at_the_bound():
    codes = normal(1, 1)
    far = codes.copy()
    far[7, 0] = 1e6
    before, after = scaling(codes), scaling(far)
    assert after.spread == pytest.approx(before.spread, rel=0.05)
    assert after(far)[7, 0] < 25
    others = np.arange(len(codes)) != 7
    assert after(far)[others] == pytest.approx(before(codes)[others], abs=0.2)
    assert (before.note(codes), after.note(far, codes)) == ("", "far values of 1 examples cut")


def test_rare_values_are_neither_cut_nor_blown_up():
    rare = (np.arange(4000) % 1000 == 0).astype(float)[:, None]
    found = scaling(rare)(rare)
    assert np.ptp(found) == 1
    assert scaling(rare).note(rare) == ""


def test_an_axis_has_collapsed_against_its_posterior_not_against_other_axes():
    codes, stddev = normal(1, 0.01, 0.01), np.tile([0.1, 1.0, 1e-3], (4000, 1))
    found = scaling(codes, stddev)
    assert found.active.tolist() == [True, False, True]
    assert found(codes).std(axis=0) == pytest.approx([1, 0.01 / COLLAPSED, 1], rel=0.05)
    assert found.note(codes) == "1 of 3 axes collapsed"
    units = np.array([1e3, 1e3, 1e-3])
    assert scaling(units * codes, units * stddev)(units * codes) == pytest.approx(found(codes), rel=1e-9)


def test_the_scale_is_that_of_the_training_part():
    train, test = (Codes.points(z) for z in (normal(2.0), normal(3.0) + 3))
    fitted, scored, _ = standardised(Representation(train, test))
    assert fitted.std() == pytest.approx(1)
    assert scored.std() == pytest.approx(1.5)


@pytest.mark.parametrize("name", SCALED)
def test_the_truth_in_natural_units_scores_what_the_standardised_truth_does(name):
    rng = np.random.default_rng(0)
    truth = np.column_stack([rng.integers(0, size, 1200) for size in (3, 6, 40)]).astype(float)
    natural = truth * [1, 0.1, 18] + [0, 0.5, 0]
    unit = (truth - truth.mean(axis=0)) / truth.std(axis=0)
    found, expected = (getattr(functional, name)(codes, truth, **FEW.get(name, {})) for codes in (natural, unit))
    assert found == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("name", ["linear_probe", "knn_probe", "beta_vae_score", "factor_vae_score", "explicitness"])
def test_rows_say_what_was_done_to_the_codes(name):
    data = representation(n=300)
    changed = Representation(*(with_outlier(with_constant(part), 1) for part in (data.train, data.test)))
    reasons = [score.reason for score in QUICK[name](changed, np.random.default_rng(0)) if score.factor is None]
    if name == "factor_vae_score":
        assert reasons[1].startswith("4 of 5 axes active")
    else:
        assert any("far values of 2 examples cut" in reason for reason in reasons)
    assert not any("cut" in score.reason for score in QUICK[name](data, np.random.default_rng(0)))


def test_rows_count_collapsed_axes():
    def with_inactive(codes: Codes) -> Codes:
        wide = with_constant(codes)
        mean = wide.mean + np.column_stack([0 * codes.mean, 1e-3 * codes.views["sample"][:, 0]])
        return replace(wide, views={**wide.views, "mean": mean})

    data = representation(n=300)
    changed = Representation(with_inactive(data.train), with_inactive(data.test))
    for name in ("linear_probe", "beta_vae_score", "explicitness", "dci"):
        reasons = [score.reason for score in QUICK[name](changed, np.random.default_rng(0)) if score.factor is None]
        assert any("1 of 5 axes collapsed" in reason for reason in reasons), name
    for name in ("mig_sup", "infomec", "factor_vae_score"):
        reasons = [score.reason for score in QUICK[name](changed, np.random.default_rng(0)) if score.factor is None]
        assert any(reason.startswith("4 of 5 axes") for reason in reasons), name


def test_pruning_by_the_widest_range_is_what_the_released_code_does_and_follows_units():
    codes = normal(1, 0.5, 0.01)
    far = codes.copy()
    far[0, 0] = 5000.0
    for scale in (1e-3, 1, 1e3):
        assert wide_axes(scale * codes, 0.05).tolist() == [True, True, False]
        assert wide_axes(scale * far, 0.05).tolist() == [True, False, False]
    truth = np.random.default_rng(0).integers(0, 4, (600, 2)).astype(float)
    pruned, kept = (functional.infomec(truth * [1, 100], truth, pruned_range=share) for share in (0.05, 0.0))
    assert pruned["info_compactness"] < 0.6 < 0.99 < kept["info_compactness"]
    assert infomec.__kwdefaults__["pruned_range"] == 0
