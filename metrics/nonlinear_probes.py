"""Probes that are not linear, on codes (N, D): nearest neighbours, a small network, boosted trees."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from metrics import quality
from metrics.core import Array, Representation, Score
from metrics.factors import Factor, Labels
from metrics.importance import Trees, boosted
from metrics.linear import log_probabilities
from metrics.options import Count, Counts, Leaves, NonNegative, Positive
from metrics.probing import class_qualities, constant_rows, declared_probe, draw_labels, has_numbers, probe_rows
from metrics.quiet import quietly
from metrics.scaling import standardised

Predict = Callable[
    [Array, Array | Labels, int, Array, int], Array
]  # codes, targets (N, T) or classes, K or 0, test, seed
SCORES = (
    *declared_probe("knn_probe", "k-NN probe", "nearest neighbours in the codes", accuracy={"column": 3}),
    *declared_probe("mlp_probe", "MLP probe", "a small neural network on the codes", accuracy={"column": 4}),
    *declared_probe("boosted_probe", "boosted probe", "boosted trees on the codes",
                    accuracy={"column": 5, "related": 140}),
)  # fmt: skip
HELD = 5  # a fifth of the labels decides when to stop
PATIENCE = 2  # stages without a gain


def knn_probe(
    representation: Representation,
    rng: np.random.Generator,
    *,
    num_labels: Counts = (1000,),
    neighbours: Count = 10,
    draws: Count = 1,
) -> list[Score]:
    """What the `neighbours` nearest labelled codes say of each factor, in Euclidean distance of standardised codes.

    Classes: the share of votes, mixed with one uniform pseudo-vote; numbers: the mean (Cover and Hart, 1967). Scores,
    ranges, chance (no usable zero of accuracies) and draws of labels as linear_probe's; 1, or H(Y) nats but for the
    pseudo-vote: every neighbourhood is of one value; nats of noise fall below 0. Invariant as
    linear_probe.
    """
    predict = partial(_vote, neighbours=neighbours)
    return _probe("knn_probe", representation, num_labels, draws, predict, rng, f"{neighbours} neighbours")


def mlp_probe(
    representation: Representation,
    rng: np.random.Generator,
    *,
    num_labels: Counts = (1000,),
    hidden: Count = 64,
    stages: Count = 6,
    iterations: Count = 10,
    penalty: NonNegative = 10.0,
    draws: Count = 1,
) -> list[Score]:
    """How much of each factor a network with one hidden layer of `hidden` rectified units reads off the codes.

    Up to `stages` times `iterations` steps of L-BFGS on four fifths of the labels, of which the stage with the least
    loss on the other fifth counts; penalty |w|^2 * penalty / 2 on the summed loss. Scores, ranges, chance (no usable
    zero of accuracies) and draws of labels as linear_probe's. Invariances, up to the random start, as linear_probe's.
    """
    predict = partial(_network, hidden=hidden, stages=stages, iterations=iterations, penalty=penalty)
    return _probe("mlp_probe", representation, num_labels, draws, predict, rng, f"{hidden} hidden units")


def boosted_probe(
    representation: Representation,
    rng: np.random.Generator,
    *,
    num_labels: Counts = (1000,),
    rounds: Count = 40,
    leaves: Leaves = 4,
    learning_rate: Positive = 0.2,
    draws: Count = 1,
) -> list[Score]:
    """How much of each factor boosted trees (LightGBM; Ke et al., 2017) read off the codes.

    At most `rounds` rounds on four fifths of the labels, stopped where the loss on the other fifth is least; each class
    (or target) has a tree of `leaves` leaves per round. Scores, ranges, chance (no usable zero of accuracies) and draws
    of labels as linear_probe's. Invariances, but for ties and thresholds, as linear_probe's.
    """
    predict = partial(_boosted, trees=Trees(rounds, leaves, learning_rate))
    return _probe("boosted_probe", representation, num_labels, draws, predict, rng, f"at most {rounds} rounds")


def _probe(
    selector: str,
    representation: Representation,
    num_labels: Counts,
    draws: int,
    predict: Predict,
    rng: np.random.Generator,
    note: str,
) -> list[Score]:
    labels = draw_labels(representation, selector, num_labels, draws, rng)
    fit = partial(_fit, predict=predict, seed=int(rng.integers(2**31)))
    scores = constant_rows(selector, labels)
    for view in representation.views:
        train, test, scaled = standardised(representation, view)
        scores += probe_rows(selector, labels, train, test, view, fit, note, scaled)
    return scores


def _fit(factor: Factor, rows: Labels, train: Array, test: Array, predict: Predict, seed: int) -> dict[str, Array]:
    """Per-example quality (N,) under each name that fits the factor; train and test standardised, `rows` labelled."""
    fitted, found = train[rows], {}
    if factor.has_classes:
        classes, true, number = factor.classes()
        found = class_qualities(predict(fitted, classes[rows], number, test, seed), true)
    if has_numbers(factor):
        targets, numbers = factor.targets()
        centre, spread = targets[rows].mean(axis=0), np.maximum(targets[rows].std(axis=0), np.finfo(float).tiny)
        predicted = predict(fitted, (targets[rows] - centre) / spread, 0, test, seed)
        found["r2"] = quality.r2(predicted * spread + centre, numbers)
    return found


def _vote(codes: Array, targets: Array | Labels, classes: int, test: Array, seed: int, neighbours: int) -> Array:
    from sklearn.neighbors import NearestNeighbors

    k = min(neighbours, len(codes))
    nearest = targets[NearestNeighbors(n_neighbors=k, algorithm="brute").fit(codes).kneighbors(test)[1]]
    if not classes:
        return np.asarray(nearest.mean(axis=1))
    flat = classes * np.arange(len(test))[:, None] + nearest
    votes = np.bincount(flat.ravel(), minlength=classes * len(test)).reshape(len(test), classes)
    return np.asarray(np.log((votes + 1 / classes) / (k + 1)))


def _network(
    codes: Array,
    targets: Array | Labels,
    classes: int,
    test: Array,
    seed: int,
    hidden: int,
    stages: int,
    iterations: int,
    penalty: float,
) -> Array:
    from sklearn.dummy import DummyClassifier
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    fit, held = _split(len(codes))

    def predicted(model: Any, asked: Array) -> Array:
        if classes:
            return log_probabilities(model, asked, classes, len(fit))
        return np.asarray(model.predict(asked)).reshape(len(asked), -1)

    if classes and len(np.unique(targets[fit])) == 1:
        return predicted(DummyClassifier().fit(codes[fit], targets[fit]), test)
    family = MLPClassifier if classes else MLPRegressor
    model = family(
        hidden_layer_sizes=(hidden,),
        solver="lbfgs",
        alpha=penalty,
        max_iter=iterations,
        warm_start=True,
        random_state=seed,
    )
    wanted = targets[fit] if classes or targets.shape[1] > 1 else targets[fit].ravel()
    losses, found = [], []
    with quietly():
        for _ in range(stages):
            model.fit(codes[fit], wanted)
            losses.append(_loss(predicted(model, codes[held]), targets[held], classes))
            found.append(predicted(model, test))
            if len(losses) - 1 - int(np.argmin(losses)) >= PATIENCE:
                break
    return found[int(np.argmin(losses))]


def _boosted(codes: Array, targets: Array | Labels, classes: int, test: Array, seed: int, trees: Trees) -> Array:
    fit, held = _split(len(codes))
    if not classes:
        columns = [
            boosted({"objective": "regression"}, codes, column, trees, seed, (fit, held)) for column in targets.T
        ]
        return np.column_stack([model.predict(test) for model in columns])
    options = {"objective": "multiclass", "num_class": classes}
    probability = np.asarray(boosted(options, codes, targets, trees, seed, (fit, held)).predict(test))
    return np.log((len(fit) * probability + 1 / classes) / (len(fit) + 1))


def _split(number: int) -> tuple[Labels, Labels]:
    """Rows to fit and rows to stop by: labels come in an order whose every beginning is a stratified draw."""
    rows = np.arange(number)
    held = number // HELD
    return (rows[: number - held], rows[number - held :]) if held else (rows, rows)


def _loss(predicted: Array, targets: Array | Labels, classes: int) -> float:
    if classes:
        return -float(predicted[np.arange(len(targets)), targets].mean())
    return float(((predicted - targets) ** 2).mean())
