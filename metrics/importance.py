"""How much each code axis (N, D) matters to predictors of one factor: importances (D,) of sum 1, and the quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from metrics import quality
from metrics.core import Array
from metrics.factors import Factor, Labels
from metrics.quiet import quietly

STOP_AFTER = 5  # rounds without a gain on held-out examples
Estimator = Literal["lightgbm", "sklearn_gbt", "forest", "lasso"]


@dataclass(frozen=True)
class Trees:
    """Size of LightGBM's boosted trees; scikit-learn's keep their own defaults (100 trees, depth 3, step 0.1)."""

    rounds: int = 50
    leaves: int = 8
    learning_rate: float = 0.2


def importance(
    estimator: Estimator, factor: Factor, rows: Labels, train: Array, test: Array, trees: Trees, seed: int
) -> tuple[Array, Array]:
    """Importances (D,) for one factor of a predictor fitted on those rows of train, and its quality (N,) on test.

    lightgbm and sklearn_gbt: total gain of the splits on an axis; forest: mean decrease of impurity; lasso: absolute
    coefficients. Quality is accuracy for classes and R2 for numbers; lasso regresses everything.
    """
    if estimator == "lasso" or not factor.has_classes:
        targets, true = factor.targets()
        fitted = [_regress(estimator, train[rows], column, trees, seed) for column in targets[rows].T]
        predicted = np.column_stack([model.predict(test) for model, _ in fitted])
        return _normalised(np.sum([found for _, found in fitted], axis=0)), quality.r2(predicted, true)
    classes, labels, number = factor.classes()
    answers, found = _classify(estimator, train[rows], classes[rows], number, test, trees, seed)
    return _normalised(found), quality.accuracy(answers, labels)


def _normalised(found: Array) -> Array:
    total = found.sum()
    return found / total if total > 0 else np.zeros_like(found)


def _classify(
    estimator: Estimator, codes: Array, classes: Labels, number: int, test: Array, trees: Trees, seed: int
) -> tuple[Labels, Array]:
    if classes.min() == classes.max():
        return np.full(len(test), classes[0]), np.zeros(codes.shape[1])
    if estimator == "lightgbm":
        model = boosted({"objective": "multiclass", "num_class": number}, codes, classes, trees, seed)
        return np.asarray(model.predict(test)).argmax(axis=1), model.feature_importance("gain")
    with quietly():
        model = _sklearn(f"{estimator}_classifier", seed).fit(codes, classes)
    return model.predict(test), model.feature_importances_


def _regress(estimator: Estimator, codes: Array, target: Array, trees: Trees, seed: int) -> tuple[Any, Array]:
    if estimator == "lightgbm":
        model = boosted({"objective": "regression"}, codes, target, trees, seed)
        return model, model.feature_importance("gain")
    if estimator == "lasso":
        return _lasso(codes, target)
    model = _sklearn(f"{estimator}_regressor", seed).fit(codes, target)
    return model, model.feature_importances_


def boosted(
    objective: dict[str, Any],
    codes: Array,
    target: Array | Labels,
    trees: Trees,
    seed: int,
    split: tuple[Labels, Labels] | None = None,
) -> Any:
    """A LightGBM model of one thread; with `split`, fitted on the first rows and stopped by the loss on the second."""
    import lightgbm

    # without a floor on the hessian, splits among examples already told apart gain as much as the useful ones
    options = {"num_leaves": trees.leaves, "learning_rate": trees.learning_rate, "min_sum_hessian_in_leaf": 5.0}
    fixed = {"num_threads": 1, "deterministic": True, "force_row_wise": True, "seed": seed, "verbosity": -1}
    data = lightgbm.Dataset(codes, target, params={"verbosity": -1, "num_threads": 1})
    if split is None:
        return lightgbm.train({**objective, **options, **fixed}, data, trees.rounds)
    fit, held = (lightgbm.Dataset(codes[rows], target[rows], params={"verbosity": -1}) for rows in split)
    held.set_reference(fit)
    stop: list[Any] = [lightgbm.early_stopping(STOP_AFTER, verbose=False)]
    return lightgbm.train({**objective, **options, **fixed}, fit, trees.rounds, valid_sets=[held], callbacks=stop)


def _sklearn(name: str, seed: int) -> Any:
    from sklearn import ensemble

    boosted = {"random_state": seed}
    forest = {"min_samples_leaf": 5, "n_jobs": 1, "random_state": seed}
    models = {
        "sklearn_gbt_classifier": lambda: ensemble.GradientBoostingClassifier(**boosted),
        "sklearn_gbt_regressor": lambda: ensemble.GradientBoostingRegressor(**boosted),
        "forest_classifier": lambda: ensemble.RandomForestClassifier(**forest),
        "forest_regressor": lambda: ensemble.RandomForestRegressor(**forest),
    }
    return models[name]()


def _lasso(codes: Array, target: Array) -> tuple[Any, Array]:
    """Lasso of strength 0.02 on standardised codes and target, as in the original; importances are |coefficients|."""
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.linear_model import Lasso
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = TransformedTargetRegressor(make_pipeline(StandardScaler(), Lasso(0.02)), transformer=StandardScaler())
    with quietly():
        model.fit(codes, target)
    return model, np.abs(model.regressor_[-1].coef_)
