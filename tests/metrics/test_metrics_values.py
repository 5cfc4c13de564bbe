"""What numbers mean: rounding, few evenly spaced values, circles in every unit, and what metrics make of them."""

from __future__ import annotations

import numpy as np
import pytest

from metrics import functional
from metrics.arrays import CodesError, from_arrays
from metrics.core import Codes
from metrics.factors import Factor, quantile_edges
from metrics.mig import mig
from metrics.mutual_information import equal_width_bins, mutual_information_quantile
from metrics.nearest_neighbours import mutual_information_nearest
from metrics.probes import linear_probe
from metrics.values import are_classes, distinct, on_circle, rounding

STEPS = np.random.default_rng(0).integers(0, 40, 2000)
ANGLE = 2 * np.pi * STEPS / 40


def entropy_of_sines() -> float:
    _, count = np.unique(np.minimum(STEPS % 40, (20 - STEPS) % 40), return_counts=True)
    share = count / count.sum()
    return float(-(share * np.log(share)).sum())


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize(("unit", "shift"), [(1, 0), (1e-6, 0), (1e6, 0), (1, 10), (-1, 0)])
def test_values_that_rounding_parts_are_ties_of_the_nearest_neighbours(kind, unit, shift):
    angle = (kind(2 * np.pi / 40) * STEPS).astype(kind)
    code = kind(unit) * np.sin(angle) + kind(shift)
    assert len(np.unique(code)) > 21
    found = mutual_information_nearest(code[:, None].astype(np.float64), STEPS[:, None])[0, 0]
    assert found == pytest.approx(entropy_of_sines(), abs=0.06)  # 0.6 more where they are not


def test_continuous_codes_and_distant_values_have_no_ties():
    rng = np.random.default_rng(1)
    for values in (rng.normal(size=5000), np.exp(5 * rng.normal(size=5000)), 1e6 + rng.normal(size=5000), STEPS / 8):
        assert np.array_equal(distinct(values)[0], np.unique(values))
    far = np.append(rng.normal(size=1000), 1e12)  # an outlier in one axis
    assert len(distinct(far)[0]) == 1001
    assert rounding(np.array([1e6, 1e6 + 1, 1e6 + 2]))[0] < 1e-6


def test_bins_hold_values_that_are_equal_but_for_rounding_together():
    sines = np.sin(ANGLE)
    for bins in (5, 20):
        for binned in (equal_width_bins(sines, bins), np.digitize(sines, quantile_edges(sines, bins))):
            assert len({(a, b) for a, b in zip(np.round(sines, 9), binned, strict=True)}) == 21
    thirds = np.array([0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2] * 25)
    assert mutual_information_quantile(thirds[:, None], np.arange(100)[:, None]).max() == 0
    assert equal_width_bins(thirds, 20).tolist() == [0] * 100
    factor = Factor("f", "discrete", thirds, thirds)
    assert not factor.varies
    assert factor.classes()[2] == 1
    grid = np.arange(21) / 20 + 1 / 3
    assert equal_width_bins(grid, 20).tolist() == [*range(20), 19]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (STEPS, True),
        (STEPS / 2, True),
        (0.1 * STEPS - 7, True),
        ((0.1 * STEPS).astype(np.float32).astype(float), True),
        (np.array([3, 7, 100] * 9), True),  # whole numbers, however spaced
        (np.array([0.5, 1.0, 2.0] * 9), True),  # an even grid with a gap
        (np.array([0.1, 0.2, 0.95] * 9), False),
        (np.linspace(0, 1, 200), False),  # each value once: a grid of examples
        (np.arange(1000) / 2, False),
        (np.arange(1000), False),
        (np.random.default_rng(0).normal(size=1000), False),
    ],
)
def test_few_whole_or_evenly_spaced_values_are_classes(values, expected):
    assert are_classes(np.asarray(values, dtype=float)) is expected


def test_labels_in_steps_of_a_half_score_as_whole_ones_and_a_stated_type_wins():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 1200)
    codes = labels + 0.5 * rng.normal(size=1200)
    options = {"num_labels": (600,), "seed": 1}
    whole = functional.linear_probe(codes, labels, **options)
    assert functional.linear_probe(codes, labels / 2, **options) == whole
    assert "linear_probe_accuracy@600" in whole
    for values, kind in ((labels, "continuous"), (labels / 2, "continuous"), (labels**3 + 0.1, "discrete")):
        found = functional.linear_probe(codes, values, factor_types=[kind], **options)
        assert ("linear_probe_r2@600" in found) is (kind == "continuous")


def test_rows_say_what_was_taken_as_continuous():
    rng = np.random.default_rng(0)
    factors = np.column_stack([rng.normal(size=400), rng.integers(0, 3, 400)])
    for metric, name in (
        (mig, "mig_hist"),
        (linear_probe, "linear_probe_r2"),
    ):
        rows = [row for row in functional.scores(metric, factors, factors) if row.name == name and row.factor]
        said = {row.factor: row.reason for row in rows}
        assert "taken as continuous" in said["factor_1"]
        assert "continuous" not in said.get("factor_2", "")


CIRCLES = {
    "0..n-1": STEPS,
    "1..n": STEPS + 1,
    "degrees": 9 * STEPS,
    "signed degrees": 9 * STEPS - 180,
    "degrees between": 9 * STEPS + 4.5,
    "turns": STEPS / 40,
    "radians": ANGLE,
    "signed radians": ANGLE - np.pi,
    "single precision": ANGLE.astype(np.float32).astype(float),
    "rounded": np.round(ANGLE, 5),
    "closed radians": np.where(STEPS == 0, 2 * np.pi * (np.arange(2000) % 2), ANGLE),
    "closed degrees": np.where(STEPS == 0, 360 * (np.arange(2000) % 2), 9 * STEPS),
}


@pytest.mark.parametrize("unit", CIRCLES)
def test_a_circle_is_the_same_in_every_unit(unit):
    index = on_circle(CIRCLES[unit].astype(float))
    assert sorted(set(index)) == list(range(40))
    assert len(set((index - STEPS) % 40)) == 1  # turned at most
    codes = np.column_stack([np.sin(ANGLE), np.cos(ANGLE)])
    found = functional.linear_probe(codes, CIRCLES[unit], factor_types=["circular"], num_labels=(1000,))
    assert found["linear_probe_r2@1000"] > 0.999


def test_four_quarters_are_a_circle_in_every_unit():
    quarter = STEPS % 4
    codes = np.column_stack([np.sin(np.pi * quarter / 2), np.cos(np.pi * quarter / 2)])
    for values in (quarter, quarter + 1, 90 * quarter, quarter / 4, np.pi * quarter / 2):
        found = functional.linear_probe(codes, values, factor_types=["circular"], num_labels=(1000,))
        assert found["linear_probe_r2@1000"] > 0.999


def test_what_has_no_classes_or_does_not_reach_round_is_in_radians():
    rng = np.random.default_rng(0)
    angles = rng.uniform(-np.pi, np.pi, 500)
    assert np.array_equal(on_circle(angles), angles)
    part = np.pi / 4 * rng.integers(0, 4, 500)
    assert on_circle(part) == pytest.approx(part)
    degrees = np.arange(720) / 2
    assert on_circle(degrees) == pytest.approx(np.radians(degrees))
    assert np.exp(1j * on_circle(np.round(angles, 2))) == pytest.approx(np.exp(1j * angles), abs=0.01)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).uniform(0, 360, 500),
        np.random.default_rng(0).uniform(0, 1, 500),
        10 * (STEPS % 10),  # degrees that stop at 90, or 10 steps?
        2 * (STEPS % 18),
        (STEPS % 4) / 2,
    ],
)
def test_what_is_no_known_circle_is_refused_by_name(values):
    with pytest.raises(CodesError, match=r"factor 'factor_1': .* write whole numbers 0\.\.n-1 .* or radians"):
        from_arrays({"codes": np.zeros(len(values)), "factors": values, "factor_types": np.array(["circular"])}, 0)


@pytest.mark.parametrize("values", [np.arange(9) - 3.0, np.linspace(0, 350, 9) + 0.5])
def test_codes_hold_circles_as_indices_or_radians_only(values):
    zeros = np.zeros((9, 1))
    with pytest.raises(ValueError, match="circular factor 'turn' is neither"):
        Codes.points(zeros, values[:, None], ("turn",), ("circular",))
