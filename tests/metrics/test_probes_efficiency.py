"""Statistical efficiency of probes, and circular factors whose examples look the same after part of a turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metrics import Codes, Representation
from metrics.factors import all_factors
from metrics.nonlinear_probes import boosted_probe, knn_probe, mlp_probe
from metrics.probes import linear_probe
from tests.support.metric_cases import representation

PROBES = (linear_probe, knn_probe, mlp_probe, boosted_probe)


def rows(scores, name, which="mean"):
    """Factor -> score, of the largest budget."""
    found = [s for s in scores if s.name == name and s.representation == which]
    return {s.factor: s for s in found if (s.num_labels or 0) == max(s.num_labels or 0 for s in found)}


def several_blobs(n: int, rng: np.random.Generator) -> Codes:
    """One class of eight, each eight distant places in many dimensions: a line needs many labels."""
    places = np.random.default_rng(0).normal(size=(64, 40))
    which = rng.integers(0, 64, n)
    mean = places[which] + 0.3 * rng.normal(size=(n, 40))
    return Codes.points(mean, (which % 8)[:, None].astype(float), ("y",), ("label",))


@pytest.mark.parametrize(("case", "least", "most"), [("truth", 0.95, 1.02), ("noise", 0.85, 1.15)])
def test_efficiency_is_near_one_for_the_truth_and_for_noise_alike(case, least, most):
    scores = linear_probe(representation(case), np.random.default_rng(0))
    for which in ("mean", "sample"):
        found = rows(scores, "linear_probe_efficiency", which)
        assert set(found) == {None, "a", "b", "c", "d"}
        assert least < found[None].value < most
        assert found[None].reason == "mean over 4 factors of either, accuracy with 100 / with 1200 labels"


def test_efficiency_is_low_where_many_labels_help_and_is_the_ratio_of_its_two_rows():
    rng = np.random.default_rng(1)
    data = Representation(several_blobs(4000, rng), several_blobs(4000, rng))
    scores = linear_probe(data, rng, num_labels=(100, 4000))
    few, many = (
        next(s for s in scores if s.name == "linear_probe_accuracy" and s.num_labels == n) for n in (100, 4000)
    )
    found = rows(scores, "linear_probe_efficiency")
    assert found["y"].value == pytest.approx(few.value / many.value)
    assert found[None].value == pytest.approx(few.value / many.value)
    assert found["y"].value < 0.85
    spread = np.hypot(few.stderr / few.value, many.stderr / many.value) * found["y"].value
    assert 0 < found["y"].stderr < 1.1 * spread


def test_efficiency_needs_classes_and_both_budgets():
    rng = np.random.default_rng(0)
    data = representation(n=300)
    assert not rows(linear_probe(data, rng, num_labels=(10, 300)), "linear_probe_efficiency")
    numbers = [replace(part, factor_types=("continuous",) * 4) for part in (data.train, data.test)]
    assert not rows(linear_probe(Representation(*numbers), rng), "linear_probe_efficiency")
    assert rows(knn_probe(data, rng, num_labels=(100, 300)), "knn_probe_efficiency")[None].value > 0.8


def turning(n: int, rng: np.random.Generator, folds_seen: bool, whole: bool = True) -> Codes:
    """Squares, ellipses and hearts at random angles; axes sin a, cos a, or of n a where the folds are seen."""
    fold = rng.choice([4.0, 2.0, 1.0], n)
    turn = rng.integers(0, 39, n)
    angle = 2 * np.pi * turn / 39
    seen = angle * fold if folds_seen else angle
    z = np.column_stack([np.sin(seen), np.cos(seen)])
    factors = np.column_stack([turn if whole else angle, fold])
    symmetry = np.column_stack([fold, np.ones(n)])
    return Codes.points(z, factors, ("turn", "shape"), ("circular", "discrete"), symmetry)


def pair(**options) -> Representation:
    rng = np.random.default_rng(0)
    return Representation(turning(1500, rng, **options), turning(1500, rng, **options))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("probe", PROBES)
def test_what_turns_with_the_symmetry_explains_all_of_the_circle(probe, whole):
    if probe is linear_probe or whole:
        found = rows(probe(pair(folds_seen=True, whole=whole), np.random.default_rng(0)), f"{probe.__name__}_r2")
        assert found["turn"].value > 0.97
        assert "n = 1, 2, 4 by symmetry, period " in found["turn"].reason


def test_the_plain_angle_explains_hearts_alone():
    blind = pair(folds_seen=False)
    found = rows(linear_probe(blind, np.random.default_rng(0)), "linear_probe_r2")["turn"].value
    assert found == pytest.approx(1 / 9, abs=0.03)  # the best line gives a third of the vector to every third example
    plain = [replace(part, symmetry=None) for part in (blind.train, blind.test)]
    without = rows(linear_probe(Representation(*plain), np.random.default_rng(0)), "linear_probe_r2")
    assert without["turn"].value > 0.999
    assert without["turn"].reason == "sine and cosine of period 39"


def test_symmetry_changes_no_classes_and_follows_the_rows():
    data = pair(folds_seen=False)
    factor = all_factors(data)[0]
    chosen = factor.restricted(np.array([3, 1]))
    assert (chosen.targets()[0] == factor.targets()[0][[3, 1]]).all()
    assert (chosen.targets()[1] == factor.targets()[1]).all()
    assert all_factors(data)[1].symmetry is None
    plain = [replace(part, symmetry=None) for part in (data.train, data.test)]
    one, two = (
        linear_probe(found, np.random.default_rng(0), num_labels=(1500,), strengths=(1.0,))
        for found in (data, Representation(*plain))
    )
    assert [s for s in one if not s.name.endswith("r2")] == [s for s in two if not s.name.endswith("r2")]


@pytest.mark.parametrize(
    ("symmetry", "message"),
    [
        (np.ones((9, 1)), "symmetry has shape"),
        (np.full((9, 2), 0.5), "no whole number from 1 on"),
        (np.full((9, 2), np.nan), "no whole number from 1 on"),
        (np.full((9, 2), 2.0), "symmetry of factor 'shape' must be 1: it is discrete"),
    ],
)
def test_impossible_symmetries_are_refused(symmetry, message):
    part = turning(9, np.random.default_rng(0), folds_seen=True)
    with pytest.raises(ValueError, match=message):
        replace(part, symmetry=symmetry)
    with pytest.raises(ValueError, match="must both have symmetry"):
        Representation(part, replace(part, symmetry=None))
