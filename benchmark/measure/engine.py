"""Every requested metric on one representation, of a run or brought along: scores, and what was left out and why."""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.config.components import Component, ConfigurationError, schema
from benchmark.config.plan import Plan
from benchmark.measure.densities import RATE, TrainedModel
from benchmark.store.codes import FILE as CODES
from benchmark.training.loading import load_dataset
from benchmark.training.noise import noise_stream, numpy_stream
from benchmark.training.threads import threads as so_many
from metrics.core import AMORTISED, Array, Inapplicable, Measurement, Representation, Score, flagged


class MetricFailed(Exception):
    """A metric raised what no data or configuration explains; the message names it and what it raised."""


class Evaluation(NamedTuple):
    """What measuring one run gave."""

    scores: tuple[Score, ...]
    left_out: dict[str, str]  # selector -> why this run cannot feed it
    examples: tuple[int, int] = (0, 0)  # in the train and test part
    curves: Mapping[str, Array] = {}  # name -> (n, 3) of x, value and its standard error


def evaluate(
    metrics: Iterable[Component],
    explicit: bool,
    representation: Representation,
    trained: TrainedModel | None,
    seed: int,
    threads: int = 1,
) -> Evaluation:
    """Run the metrics, each with a random stream of its own, so that no score depends on which others were asked for.

    A metric that the data cannot feed is left out with its reason; where it was `explicit`ly asked for it is an error.
    What a metric raises is raised with its name. With two `threads` or more, metrics of densities (torch) and of arrays
    (numpy) go on beside each other, with half of them each; when those of arrays are done, the others have both halves.
    """
    asked = list(metrics)

    def find(metric: Component) -> Measurement | str:
        return _found(metric, explicit, representation, trained, seed)

    found = {metric.name: find(metric) for metric in asked} if threads < 2 else _beside(asked, find, trained, threads)
    scores: list[Score] = []
    curves: dict[str, Array] = {}
    for name in (metric.name for metric in asked):
        if isinstance(measured := found[name], Measurement):
            scores += [replace(score, selector=name, readout=representation.readout) for score in measured.scores]
            curves |= measured.curves
    left_out = {metric.name: why for metric in asked if isinstance(why := found[metric.name], str)}
    return Evaluation(tuple(scores), left_out, curves=curves)


def _beside(
    metrics: Sequence[Component],
    find: Callable[[Component], Measurement | str],
    trained: TrainedModel | None,
    threads: int,
) -> dict[str, Measurement | str]:
    """Two lanes, each in a thread that is given half of the threads of libraries.

    Those of arrays stay in one lane, for they leave matrices to each other. Those of densities begin with the one whose
    draws others use.
    """
    arrays = deque(metric for metric in metrics if not needs_densities(metric))
    of_model = [metric for metric in metrics if needs_densities(metric)]
    densities = deque(sorted(of_model, key=lambda metric: metric.name != RATE))
    if trained is not None and trained.model is not None:
        _ = trained.model.rows, trained.model.multiplications  # counted as one code alone is decoded

    def lane(*queues: deque[Component]) -> dict[str, Measurement | str]:
        found = {}
        try:
            while (metric := _next(queues)) is not None:
                found[metric.name] = find(metric)
        except BaseException:
            arrays.clear()  # what fails here is not waited for there
            densities.clear()
            raise
        return found

    def other_lane() -> dict[str, Measurement | str]:
        with so_many(threads // 2):  # OpenMP counts for each thread that asks
            return lane(arrays, densities)

    with so_many(threads // 2), ThreadPoolExecutor(1) as pool:
        other = pool.submit(other_lane)
        return lane(densities) | other.result()


def _next(queues: Iterable[deque[Component]]) -> Component | None:
    """The first of the first queue that has one, taken out of it."""
    for queue in queues:
        with suppress(IndexError):  # another thread may have taken the last one
            return queue.popleft()
    return None


def _found(
    metric: Component, explicit: bool, representation: Representation, trained: TrainedModel | None, seed: int
) -> Measurement | str:
    """What a metric gives, or why the data cannot feed it."""
    try:
        return _measure(metric, representation, trained, seed)
    except Inapplicable as error:
        if explicit:
            raise ConfigurationError(f"metrics=[{metric.name}]: {error}") from error
        return str(error)
    except (ConfigurationError, OSError, MemoryError):  # which say what they are about
        raise
    except Exception as error:  # a metric may be somebody else's, and raise anything
        raise _blamed(metric, error) from error


def _blamed(metric: Component, error: Exception) -> Exception:
    if isinstance(error, ValueError):
        return ValueError(f"metrics=[{metric.name}]: {error}")
    return MetricFailed(f"metrics=[{metric.name}]: {type(error).__name__}: {error}")


def _measure(metric: Component, representation: Representation, trained: TrainedModel | None, seed: int) -> Measurement:
    """The same stream whatever the readout, so that probes of all of them know the same labels."""
    function = metric.build()
    if needs_densities(metric):
        assert trained is not None
        noise = noise_stream(seed, metric.name, trained.x.device)
        return _checked(metric, function(replace(trained, noise=noise)))
    found = _checked(metric, function(representation, numpy_stream(seed, metric.name)))
    for score in found.scores:
        if score.representation not in (None, *representation.views):
            views = ", ".join(representation.views)
            raise TypeError(f"{score.name} is of {score.representation}, not of {views}")
    return replace(found, scores=flagged(found.scores, representation))


def _checked(metric: Component, found: Any) -> Measurement:
    measured = found if isinstance(found, Measurement) else Measurement(found)
    scores = measured.scores
    if not isinstance(scores, Sequence) or not all(isinstance(score, Score) for score in scores):
        raise TypeError(f"{metric.target} gives {type(scores).__name__}, not a list of Score")
    return measured


def needs_densities(metric: Component) -> bool:
    """Whether a metric looks at a `TrainedModel`, with its densities, or at a `Representation`, which is of arrays.

    Its first parameter's annotation says it. Without one, (representation, rng) are two positional parameters, and a
    model is the only one. ConfigurationError for any other function.
    """
    function = metric.function
    positional = [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    kinds = {(TrainedModel, 1): True, (Representation, 2): False, (None, 1): True, (None, 2): False}
    first = schema(function)[1].get(positional[0]) if positional else None
    if (first, len(positional)) not in kinds:
        takes = "(representation: Representation, rng) or (trained: TrainedModel), and options that are keyword-only"
        raise ConfigurationError(
            f"metrics.{metric.name}._target_: {metric.target} is no metric; a metric takes {takes}"
        )
    return kinds[first, len(positional)]


def score_source(source: Any, plan: Plan, seed: int) -> Evaluation:
    """The run metrics (those of arrays; densities need a model) of whatever `source` names."""
    metrics = [metric for metric in plan.metrics if not needs_densities(metric)]
    if plan.metrics_explicit and len(metrics) < len(plan.metrics):
        names = sorted({metric.name for metric in plan.metrics} - {metric.name for metric in metrics})
        raise ConfigurationError(f"metrics=[{','.join(names)}]: needs a model and its densities; codes have none")
    if others := [readout.name for readout in plan.readouts if readout.name != AMORTISED]:
        raise ConfigurationError(f"readout={others[0]}: needs a model; codes are measured as they are")
    representation = _brought(source, plan, seed)
    try:
        found = evaluate(metrics, plan.metrics_explicit, representation, None, seed)
    except ValueError as error:
        raise ConfigurationError(f"{'arrays' if isinstance(source, Mapping) else source}: {error}") from error
    return found._replace(examples=(len(representation.train), len(representation.test)))


def _brought(source: Any, plan: Plan, seed: int) -> Representation:
    from benchmark.measure.bring import from_arrays, from_callable, is_callable, read_npz

    if isinstance(source, Mapping):
        return from_arrays(source, seed)
    if is_callable(str(source)):
        return from_callable(str(source), load_dataset(plan.dataset, plan.settings))
    return read_npz(Path(source) / CODES if os.path.isdir(source) else Path(source), seed)
