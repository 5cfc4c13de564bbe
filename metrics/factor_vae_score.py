"""FactorVAE score: which code axis moves least while a factor is held fixed, over groups of codes (N, D) by index."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from metrics.core import Array, Representation, Score, joined
from metrics.declared import INTERVENTION, NO_ZERO, Declared
from metrics.factors import Labels, constant_score, generative_factors, require_finite
from metrics.options import NonNegative, Several
from metrics.quality import accuracy, error_over_blocks
from metrics.scaling import inner_range, scaling

_CHUNK = 1 << 17  # entries of the groups held at a time: 1 MB, so that a chunk stays in the cache


READING = (
    f"0..1; 1: an axis of its own stands still for each factor; {NO_ZERO}: chance is 1/F of F factors, "
    "0 only where no axis is above the threshold"
)
SCORES = (
    Declared("factor_vae_score", "FactorVAE score", "accuracy of naming the factor held fixed from the code that moves "
             "least", READING, "accuracy", topic=INTERVENTION, column=2, drawn=True, related=20,
             changed_by=("small", "one_axis", "outlier", "noise_far")),  # a threshold, and variances
    Declared("factor_vae_score_robust", "FactorVAE score, robust", "as FactorVAE score, blind to scale, dead codes and "
             "outliers", READING, "accuracy", topic=INTERVENTION, column=3),
)  # fmt: skip


def factor_vae_score(
    representation: Representation,
    rng: np.random.Generator,
    *,
    batch_size: Several = 64,
    num_train: Several = 10000,
    num_test: Several = 5000,
    threshold: NonNegative = 0.05,
    factor_bins: Several = 20,
) -> list[Score]:
    """Accuracy of telling which factor a group of examples shares from the axis that moves least within it.

    A vote is argmin_j Var_group(z_j) / Var(z_j) over the axes with standard deviation >= `threshold`, of a group of
    `batch_size` means that share factor k; each axis answers the factor that most of its training votes came from
    (Kim and Mnih, 2018). Votes are fitted on the training part, scored on test. Range 0..1; 1: for each factor another
    axis stands still; chance 1/F (no usable zero). Invariant to permutation, sign, shift, not to scale: 0 when no axis
    reaches the threshold, and a dead axis above it takes every vote (it "stands still" for all), as does an axis with
    an outlier.

    factor_vae_score_robust: the same of codes clipped at the training part's quantiles 0.005 and 0.995, over axes that
    have not collapsed (metrics.scaling): also invariant to the scale of each axis, dead axes, an outlier. Continuous
    factors are held fixed within `factor_bins` quantile bins. Standard errors are over test examples (over blocks of
    them: more groups do not shrink them), with what was fitted held fixed.
    """
    factors = generative_factors(representation, "factor_vae_score", factor_bins)
    names = ("factor_vae_score", "factor_vae_score_robust")
    varying = [factor for factor in factors if factor.varies]
    scores = [constant_score(name, factor) for factor in factors if not factor.varies for name in names]
    if len(varying) == 1:
        why = f"{varying[0].name} is the only factor that varies, so there is nothing to tell apart"
        return scores + [Score(name, None, unit="accuracy", better="higher", reason=why) for name in names]
    classes = [factor.classes(factor_bins) for factor in varying]
    train, test = (np.column_stack([pair[part] for pair in classes]) for part in (0, 1))
    fitted, scored = groups(train, num_train, batch_size, rng), groups(test, num_test, batch_size, rng)
    chance = f"chance 1/{len(varying)}, {num_train} training and {num_test} test groups of {batch_size}"
    fit, judge = representation.train.mean, representation.test.mean
    low, high = inner_range(fit)
    clipped = [np.clip(part, low, high) for part in (fit, judge)]
    active = fit.std(axis=0, ddof=1) >= threshold, scaling(fit, representation.train.stddev).active & (low < high)

    def block(part: Array, kept: NDArray[np.bool_], answers: Labels, rows: Labels, blocks: int) -> float:
        return _share_right(part[rows], groups(test[rows], -(-num_test // blocks), batch_size, rng), kept, answers)

    for name, codes, kept in zip(names, ((fit, judge), clipped), active, strict=True):
        answers = majority(still_axis(codes[0], fitted[0], kept), fitted[1], len(kept), len(varying))
        value = _share_right(codes[1], scored, kept, answers)
        error, over = error_over_blocks(partial(block, codes[1], kept, answers), len(test), rng)
        note = joined(f"{int(kept.sum())} of {len(kept)} axes active", chance, over)
        scores.append(Score(name, value, error, "accuracy", "higher", representation.point, reason=note))
    return scores


def _share_right(codes: Array, drawn: tuple[Labels, Labels], kept: NDArray[np.bool_], answers: Labels) -> float:
    """Share of groups (rows, factor) whose still axis answers their factor."""
    return float(accuracy(answers[still_axis(codes, drawn[0], kept)], drawn[1]).mean())


def groups(factors: Labels, number: int, size: int, rng: np.random.Generator) -> tuple[Labels, Labels]:
    """Rows (number, size) of examples that share one factor's value, and which factor (number,) that is.

    The factor is drawn uniformly; a first example sets the value, the members are drawn with replacement among the
    examples (N, F) that have it.
    """
    fixed, first = rng.integers(0, factors.shape[1], number), rng.integers(0, len(factors), number)
    uniform, rows = rng.random((number, size)), np.empty((number, size), dtype=np.int64)
    for factor in range(factors.shape[1]):
        points, values = np.flatnonzero(fixed == factor), factors[:, factor]
        order = np.argsort(values, kind="stable")
        _, group, count = np.unique(values, return_inverse=True, return_counts=True)
        start, chosen = np.cumsum(count) - count, group[first[points], None]
        rows[points] = order[start[chosen] + (uniform[points] * count[chosen]).astype(np.int64)]
    return rows, fixed


def still_axis(codes: Array, rows: Labels, active: NDArray[np.bool_]) -> Labels:
    """argmin_j Var_group(z_j) / Var(z_j) over active axes of codes (N, D) for each group of `rows`; -1 if none is.

    A constant axis moves by 0 in all groups.
    """
    require_finite(codes)
    if not active.any():
        return np.full(len(rows), -1)
    spread = codes[:, active].std(axis=0)
    scaled = codes[:, active] / np.where(spread > 0, spread, 1.0)
    step = max(1, _CHUNK // (rows.shape[1] * scaled.shape[1]))
    starts = range(0, len(rows), step)
    parts = [_square_deviation(scaled.take(rows[at : at + step], axis=0)).argmin(axis=1) for at in starts]
    return np.flatnonzero(active)[np.concatenate(parts)]


def majority(axis: Labels, factor: Labels, axes: int, factors: int) -> Labels:
    """The factor that most votes (axis, factor) of each axis were of, and -1, no factor, behind: axis -1 answers it."""
    voted = axis >= 0
    table = np.bincount(axis[voted] * factors + factor[voted], minlength=axes * factors).reshape(axes, factors)
    return np.append(table.argmax(axis=1), -1)


def _square_deviation(values: Array) -> Array:
    """Of values (groups, members, D) over the members, in place: (groups, D)."""
    values -= (np.einsum("gmd->gd", values) / values.shape[1])[:, None]
    return np.asarray(np.einsum("gmd,gmd->gd", values, values))
