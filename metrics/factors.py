"""Ground-truth factors and labels as metrics need them: one column (N,) each, classes 0..K-1, targets (N, T)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from metrics.core import Array, Codes, Inapplicable, Representation, Score
from metrics.values import distinct, rounding, whole

Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Factor:
    """One column of the factors, in the probes' training part and in the test part."""

    name: str
    type: str  # one of FACTOR_TYPES
    train: Array  # (N_train,)
    test: Array  # (N_test,)
    symmetry: tuple[Array, Array] | None = None  # of a circular one: n of each example of train and test, see Codes
    bins: int | None = None  # into which a metric cuts values without classes, None where it takes them as they are
    _known: dict[int, tuple[Labels, Labels, int]] = field(init=False, default_factory=dict)  # classes by bins

    def restricted(self, rows: Labels) -> Factor:
        """The same with only those rows of the training part."""
        symmetry = self.symmetry and (self.symmetry[0][rows], self.symmetry[1])
        return replace(self, train=self.train[rows], symmetry=symmetry)

    @cached_property
    def has_classes(self) -> bool:
        """Discrete values and labels are classes; circular values are when they are whole numbers (an index k of n)."""
        return self.type in ("discrete", "label") or (self.type == "circular" and self._whole)

    @property
    def taken(self) -> str:
        """What a row must say of a factor whose type may have been guessed from its values (metrics.values)."""
        return "taken as continuous" if self.type == "continuous" else ""

    @cached_property
    def varies(self) -> bool:
        """Whether both parts hold at least two values (or bins), without which nothing can be learned or scored."""
        cut = self.has_classes or self.bins
        parts = self.classes(self.bins or 20)[:2] if cut else [distinct(part)[1] for part in (self.train, self.test)]
        return all(len(part) > 0 and np.ptp(part) > 0 for part in parts)

    def classes(self, bins: int = 20) -> tuple[Labels, Labels, int]:
        """Train and test values as 0..K-1, and K; values without classes fall into `bins` quantile bins of train."""
        if bins not in self._known:
            self._known[bins] = self._classes(bins)
        return self._known[bins]

    def _classes(self, bins: int) -> tuple[Labels, Labels, int]:
        if not self.has_classes:
            edges = quantile_edges(self.train, bins)
            return np.digitize(self.train, edges), np.digitize(self.test, edges), len(edges) + 1
        values, index = distinct(np.concatenate([self.train, self.test]))
        return index[: len(self.train)], index[len(self.train) :], len(values)

    def targets(self) -> tuple[Array, Array]:
        """Train and test values as regression targets (N, T): (sin n a, cos n a) for circular factors, else themselves.

        a is the angle, n the fold of the example's symmetry (1 without): a square looks the same after a quarter turn,
        so no code of its image can know more than 4 a, a point that runs round the circle once per quarter.
        """
        if self.type != "circular":
            return self.train[:, None], self.test[:, None]
        turn = 2 * np.pi / self.period
        folds = self.symmetry or (np.ones(1), np.ones(1))
        return _on_circle(self.train * turn * folds[0]), _on_circle(self.test * turn * folds[1])

    @property
    def period(self) -> float:
        """Of a circular factor: whole values k are k of n = max + 1 equal steps, n seen over train and test (a set
        whose last value repeats the first must store it as 0); any other values are angles in radians, period 2 pi."""
        return float(max(self.train.max(), self.test.max())) + 1 if self._whole else 2 * np.pi

    @cached_property
    def _whole(self) -> bool:
        return whole(self.train) and whole(self.test)


def generative_factors(representation: Representation, metric: str, bins: int | None = None) -> list[Factor]:
    """The factors that are not labels, of which a metric cuts continuous ones into `bins`; Inapplicable when the data
    set has none or none that varies."""
    found = [replace(factor, bins=bins) for factor in all_factors(representation) if factor.type != "label"]
    if not found:
        labelled = bool(all_factors(representation))
        _refuse(metric, "ground-truth factors", "none beyond the class label" if labelled else "none", labelled)
    return _some_vary(found, metric)


def probe_factors(representation: Representation, metric: str) -> list[Factor]:
    """Every factor and label; Inapplicable when the data set has none or none that varies."""
    found = all_factors(representation)
    if not found:
        _refuse(metric, "factors or class labels", "none", labelled=False)
    return _some_vary(found, metric)


def all_factors(representation: Representation) -> list[Factor]:
    """Every column of the factors as a Factor, in the order of the data set."""
    train, test = representation.train, representation.test
    return [
        Factor(name, kind, _column(train, column), _column(test, column), _symmetry(train, test, column))
        for column, (name, kind) in enumerate(zip(test.factor_names, test.factor_types, strict=True))
    ]


def constant_score(name: str, factor: Factor) -> Score:
    """The row of a factor that cannot be scored because it takes a single value in train or in test."""
    what = "value" if factor.has_classes or not factor.bins else f"value (or falls into one of {factor.bins} bins)"
    return Score(name, None, factor=factor.name, reason=f"factor {factor.name} takes a single {what} in train or test")


def factor_rows(blank: Score, factors: Sequence[Factor], values: Array, note: str) -> list[Score]:
    """`blank` once for each factor that varies (`values` has one entry for each of these), and once for their mean.

    A factor that does not vary has a row with its reason instead. The mean carries the `note`.
    """
    constant = [constant_score(blank.name, factor) for factor in factors if not factor.varies]
    kept = [factor for factor in factors if factor.varies]
    rows = [
        replace(blank, value=float(value), factor=factor.name, reason=factor.taken)
        for factor, value in zip(kept, values, strict=True)
    ]
    return [*constant, *rows, replace(blank, value=float(np.mean(values)), reason=note)]


def crowded(factors: Sequence[Factor], number: int, bins: int | None = None) -> str:
    """What a row must say of factors with fewer than two of `number` training examples to a class (or a bin)."""
    names = [f.name for f in factors if (f.has_classes or bins) and 2 * f.classes(bins or 1)[2] > number]
    return f"fewer than two training examples a class: {', '.join(names)}" if names else ""


def varying_mask(factors: Sequence[Factor]) -> NDArray[np.bool_]:
    """Which factors (F,) vary: the columns of a shared matrix that can be scored."""
    return np.array([factor.varies for factor in factors])


def placed(matrix: Array, factors: Sequence[Factor]) -> Array:
    """A matrix over the factors that vary with zero columns for those that do not: one column per generative factor."""
    full = np.zeros((len(matrix), len(factors)))
    full[:, varying_mask(factors)] = matrix
    return full


def quantile_edges(values: Array, bins: int) -> Array:
    """Inner edges of at most `bins` bins that hold equally many of the values; ties (but for rounding) share one.

    Where the least value is most of all, it is a bin of its own: whatever varies has two bins at least.
    """
    if bins < 2:
        return np.empty(0)
    edges, found = distinct(np.quantile(values, np.arange(1, bins) / bins))[0], distinct(values)[0]
    edges = np.unique(np.maximum(edges, found[1])) if len(found) > 1 else edges
    return edges - rounding(values, edges)


def require_finite(*arrays: Array) -> None:
    """A kernel's refusal of NaN and infinity, which would otherwise end as a plausible number."""
    for array in arrays:
        if not np.isfinite(array).all():
            raise ValueError("codes and factors must be finite, got NaN or infinite entries")


def _column(codes: Codes, column: int) -> Array:
    assert codes.factors is not None, "named factors are given, as Codes has checked"
    return np.asarray(codes.factors[:, column], dtype=np.float64)


def _symmetry(train: Codes, test: Codes, column: int) -> tuple[Array, Array] | None:
    if train.symmetry is None or test.symmetry is None or test.factor_types[column] != "circular":
        return None
    return train.symmetry[:, column], test.symmetry[:, column]


def _on_circle(angle: Array) -> Array:
    return np.column_stack([np.sin(angle), np.cos(angle)])


def _some_vary(factors: list[Factor], metric: str) -> list[Factor]:
    if not any(factor.varies for factor in factors):
        names = ", ".join(factor.name for factor in factors)
        raise Inapplicable(
            f"{metric} needs a factor that varies; each of {names} takes a single value in train or test"
        )
    return factors


def _refuse(metric: str, needed: str, there: str, labelled: bool) -> NoReturn:
    instead = "[rate_distortion,linear_probe]" if labelled else "[rate_distortion,information]"
    raise Inapplicable(f"{metric} needs {needed}; the data set has {there} (use metrics={instead})")
