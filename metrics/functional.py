"""Every metric as a function of plain arrays: `mig(codes, factors, bins=20, seed=0)` gives a float per score's name.

No data set, no factor grid, any number of codes (N, D) and factors (N, F) from 1 on, discrete or continuous. An axis of
one column may be (N,). Named options are those of the metric's own docstring.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from metrics.arrays import from_arrays
from metrics.core import Representation, Score, flagged
from metrics.declared import modules
from metrics.mutual_information import equal_width_bins, quantile_bins

Metric = Callable[..., list[Score]]
Discretiser = Callable[[np.ndarray], np.ndarray]  # a continuous factor (N,) -> classes (N,)
SHARED = ("codes", "factors", "seed", "discretise", "factor_names", "factor_types")
PARTS = ("codes_test", "factors_test", "stddev", "sample", "symmetry", "stddev_test", "sample_test", "symmetry_test")


def quantiles(bins: int) -> Discretiser:
    """At most `bins` classes of equally many values each."""
    return lambda values: quantile_bins(values, bins)


def equal_width(bins: int) -> Discretiser:
    """`bins` classes of equal width between the least and the greatest value."""
    return lambda values: equal_width_bins(values, bins)


def values(scores: Sequence[Score]) -> dict[str, float | None]:
    """Name -> value of the scores over all factors; "[sample]" and "@100" say the code and the number of labels."""
    return {_key(score): score.value for score in scores if score.factor is None}


def _key(score: Score) -> str:
    code = f"[{score.representation}]" if score.representation not in (None, "mean") else ""
    return score.name + code + (f"@{score.num_labels}" if score.num_labels else "")


def scores(
    metric: Metric,
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    seed: int = 0,
    discretise: Discretiser | None = None,
    factor_names: Sequence[str] = (),
    factor_types: Sequence[str] = (),
    parts: Mapping[str, ArrayLike] | None = None,
    **options: Any,
) -> list[Score]:
    """A metric's scores of codes (N, D) and factors (N, F), with per-factor rows, errors and reasons.

    `parts` may hold a test part and the posterior (PARTS); without a test part two halves are drawn by `seed`, which
    also seeds the metric: the same seed gives the same scores. Factors are discrete where they take at most 256 values,
    whole numbers or evenly spaced ones (metrics.values.are_classes), else continuous, as their rows say; `factor_types`
    (discrete, continuous, circular, label) says it instead. Circular ones are what metrics.values.on_circle takes.
    `discretise` turns each continuous factor into classes, the same for both parts. CodesError says what is wrong
    with the arrays.
    """
    given = {"codes": codes, "factors": factors, **(parts or {})}
    arrays = {key: np.asarray(array) for key, array in given.items() if array is not None}
    named = {"factor_names": factor_names, "factor_types": factor_types}
    arrays |= {key: np.array(words, dtype=np.str_) for key, words in named.items() if words}
    representation = from_arrays(arrays, seed)
    if discretise is not None and "continuous" in representation.test.factor_types:
        arrays = _discretised(arrays, representation, discretise)
        representation = from_arrays(arrays, seed)
    return flagged(metric(representation, np.random.default_rng(seed), **options), representation)


def _discretised(
    arrays: dict[str, np.ndarray], representation: Representation, discretise: Discretiser
) -> dict[str, np.ndarray]:
    """Continuous columns as classes, cut over train and test together."""
    parts = [key for key in ("factors", "factors_test") if key in arrays]
    columns = [arrays[key].reshape(len(arrays[key]), -1).astype(np.float64) for key in parts]
    joined, types = np.concatenate(columns), list(representation.test.factor_types)
    for index, kind in enumerate(types):
        if kind == "continuous":
            joined[:, index], types[index] = discretise(joined[:, index]), "discrete"
    split = np.split(joined, np.cumsum([len(column) for column in columns])[:-1])
    return {**arrays, **dict(zip(parts, split, strict=True)), "factor_types": np.array(types, dtype=np.str_)}


def _on_arrays(metric: Metric) -> Callable[..., dict[str, float | None]]:
    """The metric as a function of codes and factors; `scores` gives all rows instead of the means over factors."""

    @functools.wraps(metric)
    def on_arrays(codes: ArrayLike, factors: ArrayLike, **options: Any) -> dict[str, float | None]:
        parts = {key: options.pop(key) for key in PARTS if key in options}
        return values(scores(metric, codes, factors, parts=parts, **options))

    on_arrays.__module__ = __name__  # where help() looks for it
    shared = [p for p in inspect.signature(scores).parameters.values() if p.name in SHARED]
    own = [p for p in inspect.signature(metric).parameters.values() if p.kind is p.KEYWORD_ONLY]
    tests = [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None) for key in PARTS]
    on_arrays.__signature__ = inspect.Signature([*shared, *tests, *own])  # type: ignore[attr-defined]
    return on_arrays


@functools.cache
def metrics() -> dict[str, Metric]:
    """Every metric of ours by its name: what takes a representation and a generator, beside what its scores mean."""
    files = [vars(module) for module in modules() if "SCORES" in vars(module)]
    return {name: found for file in files for name, found in file.items() if _is_metric(found, file["__name__"])}


def _is_metric(found: Any, module: str) -> bool:
    if not inspect.isfunction(found) or found.__module__ != module or found.__name__.startswith("_"):
        return False
    return list(inspect.signature(found).parameters)[:2] == ["representation", "rng"]


@functools.cache
def __getattr__(name: str) -> Callable[..., dict[str, float | None]]:
    """The metric of that name as a function of plain arrays."""
    if name.startswith("_") or name not in metrics():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _on_arrays(metrics()[name])


def __dir__() -> list[str]:
    return sorted({*globals(), *metrics()})
