"""Probes: the linear one's law on samples, its penalty, the draws of labels, and what others see that it cannot."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone

from metrics import Codes, Representation
from metrics.factors import Factor
from metrics.linear import choose_strength, fit_logistic, log_probabilities
from metrics.nonlinear_probes import boosted_probe, knn_probe, mlp_probe
from metrics.probes import label_order, linear_probe
from metrics.probing import draw_labels

OTHERS = (knn_probe, mlp_probe, boosted_probe)


def blurred(n: int, apart: float, rng: np.random.Generator) -> Codes:
    """Four classes at equal distances on a line, seen through a posterior of unit width: I(X; Z) = I(Y; Z)."""
    classes = rng.integers(0, 4, n)
    mean = apart * classes[:, None].astype(float)
    sample = mean + rng.normal(size=mean.shape)
    return Codes.gaussians(mean, np.ones_like(mean), sample, classes[:, None].astype(float), ("y",), ("label",))


def exact_information(apart: float) -> float:
    """I(Y; Z) of four equally likely unit normals, by the sum over a fine grid."""
    z = np.linspace(-8, 3 * apart + 8, 40001)
    density = np.exp(-0.5 * (z - apart * np.arange(4)[:, None]) ** 2) / np.sqrt(2 * np.pi)
    mixed = density.mean(axis=0)
    ratio = np.log(np.maximum(density, 1e-300) / np.maximum(mixed, 1e-300))
    return float((density * ratio).sum(axis=1).mean() * (z[1] - z[0]))


def values(scores, name, which="sample", labels=None):
    """The mean row of that name, which and number of labels (the last if there are several)."""
    rows = [s for s in scores if s.name == name and s.representation == which and s.factor is None]
    return [s for s in rows if labels in (None, s.num_labels)][-1]


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0, 2.0, 5.0])
def test_information_in_a_sample_never_exceeds_the_truth(apart):
    rng = np.random.default_rng(0)
    data = Representation(blurred(6000, apart, rng), blurred(6000, apart, rng))
    scores = linear_probe(data, np.random.default_rng(1))
    exact = exact_information(apart)
    for labels in (100, 1000, 6000):
        score = values(scores, "linear_probe_nats", labels=labels)
        assert score.value <= exact + 3 * score.stderr
    assert values(scores, "linear_probe_nats", labels=6000).value >= exact - 0.05
    if 0 < apart < 2:  # the mean knows the class whatever the noise: no bound holds for it
        assert values(scores, "linear_probe_nats", "mean").value > exact


def test_labels_are_drawn_by_share_with_every_class_and_nested():
    train = np.repeat([0.0, 1, 2, 3], [700, 250, 48, 2])
    factor = Factor("y", "label", train, train)
    order = label_order(factor, np.random.default_rng(0))
    assert sorted(order) == list(range(1000))
    assert sorted(train[order[:4]]) == [0, 1, 2, 3]
    assert np.bincount(train[order[:100]].astype(int)) == pytest.approx([70, 25, 5, 1], abs=3)
    again = label_order(factor, np.random.default_rng(1))
    assert (order != again).any()


def test_budgets_are_used_once_and_name_what_was_used():
    rng = np.random.default_rng(0)
    data = Representation(blurred(150, 2, rng), blurred(80, 2, rng))
    scores = linear_probe(data, rng, num_labels=(1000, 100, 10000))
    assert sorted({score.num_labels for score in scores if score.num_labels}) == [100, 150]
    assert len({(s.name, s.representation, s.factor, s.num_labels) for s in scores}) == len(scores)
    assert {score.representation for score in scores} == {"mean", "sample"}
    accuracy = next(score for score in scores if score.factor == "y" and score.name == "linear_probe_accuracy")
    assert accuracy.reason.startswith("majority class 0.")


def test_a_class_that_the_budget_never_saw_costs_finite_nats():
    rng = np.random.default_rng(0)
    train, test = (Codes.points(rng.normal(size=(60, 2)), y, ("y",), ("label",)) for y in _few_and_many(60))
    scores = linear_probe(Representation(train, test), rng)
    assert all(np.isfinite(score.value) for score in scores if score.num_labels)
    assert reasons(scores, "nats", 60)[0].endswith("3 of 5 classes have no training example")
    (null,) = (score for score in scores if not score.num_labels)
    assert (null.name, null.value) == ("linear_probe_efficiency", None)
    assert null.reason == "compares 100 labels with more, but there are 60"


def reasons(scores, quality, labels):
    """What the rows of that quality and budget say, factors before their mean."""
    return [s.reason for s in scores if (s.name, s.num_labels) == (f"linear_probe_{quality}", labels)]


def test_rows_say_where_the_labels_cannot_be_stratified():
    rng = np.random.default_rng(0)
    many, rare = rng.permutation(640) % 32, (rng.permutation(640) < 2) * 1
    z = rng.normal(size=(640, 2))
    part = Codes.points(z, np.column_stack([many, rare]).astype(float), ("x", "y"), ("discrete", "label"))
    scores = linear_probe(Representation(part, part), rng, num_labels=(10, 100, 640), draws=2)
    few, some, all_of_them = (reasons(scores, "accuracy", labels) for labels in (10, 100, 640))
    assert "10 labels for 32 classes: not every class can appear" in few[0]
    assert "1 of 2 classes too rare for their share of 100 labels: once each" in some[1]
    assert "not every class by its share: x, y, 2 draws" in few[2]
    assert "share: y, 2 draws" in some[2]
    assert not any("class by its share" in text or "once each" in text for text in (some[0], *all_of_them))
    values_of = [score.value for score in scores if score.name == "linear_probe_accuracy" and score.factor == "y"]
    assert values_of == pytest.approx([638 / 640] * 3, abs=0.1)


def _few_and_many(n: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(n) % 2)[:, None].astype(float), (np.arange(n) % 5)[:, None].astype(float)


def test_the_fit_stops_near_enough_to_the_optimum():
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 12, 3000)
    codes, other = (rng.normal(size=(12, 10))[classes] + rng.normal(size=(3000, 10)) for _ in range(2))
    model = fit_logistic(codes, classes, 30.0)
    exact = clone(model).set_params(tol=1e-8, max_iter=10_000, warm_start=False).fit(codes, classes)
    for part in (codes, other):
        losses = [-log_probabilities(fit, part, 12, 3000)[np.arange(3000), classes] for fit in (model, exact)]
        assert abs(np.mean(losses[0] - losses[1])) < 0.2 * losses[1].std() / np.sqrt(3000)


def test_predictions_from_a_single_class_are_sure_up_to_one_pseudo_label():
    model = fit_logistic(np.zeros((9, 1)), np.full(9, 2), 1.0)
    found = np.exp(log_probabilities(model, np.zeros((1, 1)), 4, 9))
    assert found[0] == pytest.approx([0.025, 0.025, 0.925, 0.025])


def test_noise_dimensions_choose_a_stronger_penalty_than_a_clear_code():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 400).astype(float)
    factor = Factor("y", "label", labels, labels)
    strengths = (0.003, 0.03, 0.3, 3.0, 30.0)
    clear = labels[:, None] + 0.01 * rng.normal(size=(400, 1))
    noise = rng.normal(size=(400, 40))
    chosen = [choose_strength(z, [factor], strengths, 3, np.random.default_rng(0)) for z in (clear, noise)]
    assert chosen == [30.0, 0.003]


def test_circular_and_continuous_factors_have_r2():
    rng = np.random.default_rng(0)
    turn = rng.integers(0, 8, 400)
    angle = 2 * np.pi * turn / 8
    number = rng.normal(size=400)
    codes = np.column_stack([np.sin(angle), np.cos(angle), number])
    factors = np.column_stack([turn, number])
    part = Codes.points(codes, factors, ("turn", "number"), ("circular", "continuous"))
    scores = linear_probe(Representation(part, part), rng, num_labels=(400,))
    found = {(score.name, score.factor): score.value for score in scores}
    assert found["linear_probe_r2", "turn"] == pytest.approx(1, abs=0.01)
    assert found["linear_probe_r2", "number"] == pytest.approx(1, abs=0.01)
    assert found["linear_probe_accuracy", "turn"] > 0.99
    assert ("linear_probe_accuracy", "number") not in found


@pytest.mark.parametrize("probe", OTHERS)
def test_other_probes_keep_the_law_on_samples(probe):
    for apart in (0.0, 1.0):
        rng = np.random.default_rng(0)
        data = Representation(blurred(2000, apart, rng), blurred(4000, apart, rng))
        score = values(probe(data, np.random.default_rng(1)), f"{probe.__name__}_nats")
        assert score.value <= exact_information(apart) + 3 * score.stderr
        assert score.value >= exact_information(apart) - (0.25 if probe is knn_probe else 0.05)


@pytest.mark.parametrize("probe", OTHERS)
def test_other_probes_see_what_no_line_sees(probe):
    def crossed(rng: np.random.Generator) -> Codes:
        z = rng.uniform(-1, 1, (1500, 2))
        factors = np.column_stack([z[:, 0] * z[:, 1] > 0, z[:, 0] ** 2])
        return Codes.points(z, factors.astype(float), ("sign", "square"), ("label", "continuous"))

    rng = np.random.default_rng(0)
    data = Representation(crossed(rng), crossed(rng))
    for name, line, curve in (("accuracy", 0.6, 0.93), ("r2", 0.1, 0.9)):
        found = values(probe(data, np.random.default_rng(0)), f"{probe.__name__}_{name}", "mean").value
        assert found > curve
        assert values(linear_probe(data, np.random.default_rng(0)), f"linear_probe_{name}", "mean").value < line


def test_every_probe_draws_the_labels_that_the_linear_one_draws():
    rng = np.random.default_rng(0)
    data = Representation(blurred(300, 2, rng), blurred(80, 2, rng))
    one, two = (draw_labels(data, "x", (50, 300), n, np.random.default_rng(4)) for n in (1, 3))
    factor = one.factors[0]
    first = label_order(factor, np.random.default_rng(4))
    assert [len(rows) for rows in two.rows(factor, 50)] == [50] * 3
    assert len(two.rows(factor, 300)) == 1
    for draws in (one, two):
        assert (draws.rows(factor, 50)[0] == first[:50]).all()
    assert (two.rows(factor, 50)[1] != first[:50]).any()


def test_several_draws_average_below_the_largest_budget_and_change_nothing_at_it():
    rng = np.random.default_rng(0)
    data = Representation(blurred(400, 2, rng), blurred(2000, 2, rng))
    budgets = {"num_labels": (10, 400), "strengths": (0.3,)}
    one, five = (linear_probe(data, np.random.default_rng(2), draws=draws, **budgets) for draws in (1, 5))
    few, many = (values(scores, "linear_probe_accuracy", labels=10) for scores in (one, five))
    assert few.value != many.value
    assert ("draws of labels" in few.reason, "5 draws of labels, s.d. 0." in many.reason) == (False, True)
    same = [values(scores, "linear_probe_accuracy", labels=400) for scores in (one, five)]
    assert same[0] == same[1]
    spread = [[values(linear_probe(data, np.random.default_rng(seed), draws=draws, **budgets), "linear_probe_nats",
                      labels=10).value for seed in range(8)] for draws in (1, 5)]  # fmt: skip
    assert np.std(spread[1]) < np.std(spread[0])
