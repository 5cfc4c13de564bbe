"""Linear predictors from standardised codes (N, D): logistic and ridge regression, the choice of strength."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.core import Array
from metrics.factors import Factor, Labels
from metrics.quiet import quietly

TIE = 0.01  # of relative loss


def fit_logistic(codes: Array, classes: Labels, strength: float, start: Any = None) -> Any:
    """Multinomial logistic regression, penalty |w|^2 / (2 strength) on the summed loss; `start`: a model to go on from.

    A single class in `classes` gives the predictor that always answers it. Ten times the tolerance takes half the time
    and moved cross-entropies by up to three of their standard errors.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    if classes.min() == classes.max():
        return DummyClassifier().fit(codes, classes)
    usable = isinstance(start, LogisticRegression)
    model = start if usable else LogisticRegression(tol=1e-4, max_iter=300, warm_start=True)
    model.set_params(C=strength)
    with quietly():
        return model.fit(codes, classes)


def fit_ridge(codes: Array, targets: Array, strength: float) -> Any:
    """Ridge regression to targets (N, T), penalty |w|^2 / strength on the summed squared error; bias unpenalised."""
    from sklearn.linear_model import Ridge

    return Ridge(alpha=1 / strength).fit(codes, targets)


def log_probabilities(model: Any, codes: Array, classes: int, num_labels: int) -> Array:
    """Log-probabilities (N, K) of a fitted classifier, mixed with one uniform pseudo-label among `num_labels`.

    (num_labels * p + 1 / K) / (num_labels + 1): a class that a small budget never saw keeps a finite cross-entropy.
    """
    probability = np.zeros((len(codes), classes))
    probability[:, model.classes_] = model.predict_proba(codes)
    return np.log((num_labels * probability + 1 / classes) / (num_labels + 1))


def choose_strength(
    codes: Array, factors: Sequence[Factor], strengths: Sequence[float], folds: int, rng: np.random.Generator
) -> float:
    """The strength with the least relative loss over folds of standardised codes (N, D), each factor counting alike.

    Relative loss: cross-entropy / entropy of the labels, or 1 - R2. Among all within 0.01 of the least the strongest
    penalty wins: many labels hardly tell them apart, yet the same choice also serves the small budgets.
    """
    if len(strengths) == 1:
        return strengths[0]
    ascending = sorted(strengths)
    fold = rng.permutation(len(codes)) % folds
    losses = np.zeros(len(ascending))
    for held in range(folds):
        inside, outside = codes[fold != held], codes[fold == held]
        if len(inside) and len(outside):
            losses += np.sum([_losses(factor, fold == held, inside, outside, ascending) for factor in factors], axis=0)
    return ascending[int(np.argmax(losses <= losses.min() + TIE * folds * len(factors)))]


def _losses(
    factor: Factor, held: NDArray[np.bool_], inside: Array, outside: Array, strengths: Sequence[float]
) -> list[float]:
    if not factor.has_classes:
        return _ridge_losses(factor.targets()[0], held, inside, outside, strengths)
    classes, _, number = factor.classes()
    true, entropy, model, losses = classes[held], _entropy(classes), None, []
    for strength in strengths:
        model = fit_logistic(inside, classes[~held], strength, model)
        log_p = log_probabilities(model, outside, number, len(inside))
        losses.append(-float(log_p[np.arange(len(true)), true].mean()) / entropy)
    return losses


def _ridge_losses(
    targets: Array, held: NDArray[np.bool_], inside: Array, outside: Array, strengths: Sequence[float]
) -> list[float]:
    models = [fit_ridge(inside, targets[~held], strength) for strength in strengths]
    predicted = [model.predict(outside).reshape(targets[held].shape) for model in models]
    scale = float(targets.var(axis=0).sum()) * len(outside)
    return [float(((guess - targets[held]) ** 2).sum()) / scale for guess in predicted]


def _entropy(classes: Labels) -> float:
    frequency = np.bincount(classes) / len(classes)
    return float(-(frequency[frequency > 0] * np.log(frequency[frequency > 0])).sum())
