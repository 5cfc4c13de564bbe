"""DCI-ES: how much capacity a predictor of the factors needs, from loss-capacity curves of forests on codes (N, D)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from metrics.core import WIDEST, Array, Representation, Score, joined, too_wide
from metrics.declared import NO_ZERO, PREDICTION, UNBOUNDED, Declared
from metrics.factors import Factor, Labels, crowded, factor_rows, generative_factors, require_finite
from metrics.options import Capacities, Count, Several
from metrics.quiet import quietly
from metrics.scaling import standardised

SCORES = (
    Declared("dci_es_explicitness", "DCI-ES explicitness", "how little capacity a probe needs to do its best",
             f"-1..1; 1: the least capacity does as well as any; {NO_ZERO}: noise scores 1", better=None, range=(-1, 1),
             topic=PREDICTION, column=4, widest=WIDEST),
    Declared("dci_es_size", "DCI-ES size", "factors per code dimension",
             f"factors / axes; 1: as wide as there are factors; {NO_ZERO}: whatever the axes hold",
             range=(0, UNBOUNDED), topic=PREDICTION, column=5, changed_by=("constant",), widest=WIDEST),
)  # fmt: skip


def dci_es(
    representation: Representation,
    rng: np.random.Generator,
    *,
    depths: Capacities = (1, 2, 4, 8, 16),
    trees: Count = 10,
    num_train: Several = 2000,
) -> list[Score]:
    """Explicitness and size of the means (Eastwood et al., 2023), with random forests as the family of predictors.

    Capacity is the depth of the trees, on a logarithmic scale: log2(depth). One forest of `trees` bagged trees per
    factor is fitted on `num_train` training examples; a tree cut at depth d is the tree that would have been grown to
    d, so one fit gives the curve of losses on test: squared error of one-hot classes (or of the values, or of sine and
    cosine) in units of a constant guess. dci_es_explicitness: E of area_score, averaged over factors. Range -1..1; 1:
    the least capacity does as well as any; 0: the loss falls evenly to 0; -1: only the greatest helps. Has no usable
    zero and no direction: noise, which no capacity can read, scores 1, so read E beside informativeness (the least loss
    stands in `reason`). Trees see axes: E of rotated factors is lower. dci_es_size: factors / axes, range from 0; 1:
    the code is as wide as there are factors, whatever it holds (no usable zero). Invariant to shift and the scale of
    each axis and, up to ties, to permutation, sign and an outlier; a constant axis only lowers the size.
    """
    factors = generative_factors(representation, "dci_es")
    if wide := too_wide(representation, SCORES):
        return wide
    varying = [factor for factor in factors if factor.varies]
    rows, seed = np.sort(rng.permutation(len(representation.train))[:num_train]), int(rng.integers(2**31))
    grid = np.unique(depths)
    train, test, _ = standardised(representation)  # trees see no scale, but their single precision sees a shift
    curves = [loss_curve(factor, rows, train[rows], test, grid.tolist(), trees, seed) for factor in varying]
    values = np.array([area_score(curve, np.log2(grid)) for curve in curves])
    least = np.mean([curve.min() for curve in curves])
    note = f"forests of depth {grid[0]}..{grid[-1]}, {len(rows)} training examples, least loss {least:.3f} of a guess"
    note = joined(note, crowded(varying, len(rows)))
    blank, axes = Score("dci_es_explicitness", None, None, "score", None, representation.point), train.shape[1]
    scores, note = factor_rows(blank, factors, values, note), f"{len(varying)} / {axes} axes"
    return [*scores, replace(blank, name="dci_es_size", value=len(varying) / axes, better="higher", reason=note)]


def area_score(loss: Array, capacity: Array) -> float:
    """E = 1 - 2 A / Z of losses (C,), in units of a constant guess, at ascending capacities (C,).

    Eastwood et al., 2023. A is the area between the running minimum of the loss and its last value, Z the range of
    the capacities. Losses above 1 count as 1, the guess. Range -1..1, see dci_es; with a single capacity 1.
    """
    require_finite(loss)
    curve = np.minimum.accumulate(np.minimum(loss, 1.0))
    width = capacity[-1] - capacity[0]
    return 1 - 2 * float(np.trapezoid(curve - curve[-1], capacity)) / float(width) if width > 0 else 1.0


def loss_curve(
    factor: Factor, rows: Labels, codes: Array, test: Array, depths: Sequence[int], trees: int, seed: int
) -> Array:
    """Squared error on test over that of the mean, at each depth (ascending), of a forest fitted on the rows' codes."""
    if factor.has_classes:
        labels, true, number = factor.classes()
        with quietly():
            model, kinds = _forest(True, depths[-1], trees, seed).fit(codes, labels[rows]), np.unique(labels[rows])
        targets = np.eye(number)[true]
        found = _cut(model, test, depths)
        predicted = np.zeros((len(depths), *targets.shape))
        predicted[:, :, kinds] = found
    else:
        learned, targets = factor.targets()
        model = _forest(False, depths[-1], trees, seed).fit(codes, learned[rows].squeeze())
        predicted = _cut(model, test, depths)
    error = ((predicted - targets) ** 2).sum(axis=(1, 2))
    return np.asarray(error / ((targets - targets.mean(axis=0)) ** 2).sum())


def _forest(classes: bool, depth: int, trees: int, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    family = RandomForestClassifier if classes else RandomForestRegressor
    return family(trees, max_depth=depth, max_features=None, n_jobs=1, random_state=seed)


def _cut(model: Any, codes: Array, depths: Sequence[int]) -> Array:
    """Mean over trees of what the node at each depth predicts: (depths, N, T)."""
    trees = [estimator.tree_ for estimator in model.estimators_]
    return np.asarray(np.mean([_descend(tree, codes.astype(np.float32), depths) for tree in trees], axis=0))


def _descend(tree: Any, codes: Array, depths: Sequence[int]) -> Array:
    value = tree.value.reshape(tree.node_count, -1)
    rows, node, found = np.arange(len(codes)), np.zeros(len(codes), dtype=np.int64), []
    for depth in range(1, depths[-1] + 1):
        left, right = tree.children_left[node], tree.children_right[node]
        below = np.where(codes[rows, np.maximum(tree.feature[node], 0)] <= tree.threshold[node], left, right)
        node = np.where(left < 0, node, below)
        if depth in depths:
            found.append(value[node])
    return np.array(found)
