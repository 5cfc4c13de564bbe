"""One experiment, read aloud: a configuration becomes a trained model, its representation, its scores, and a record."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.config.components import Component
from benchmark.config.compose import compose
from benchmark.config.plan import Plan
from benchmark.drawing.matrices import draw_matrices
from benchmark.measure.engine import Evaluation, evaluate
from benchmark.measure.pictures import drawn_beside, pictures_of
from benchmark.measure.readout import Posteriors, left_out, posteriors_of, rehearse_metrics, require_densities, see
from benchmark.store.codes import save_codes
from benchmark.store.curves import keep_curves
from benchmark.store.files import remove, remove_leftovers
from benchmark.store.lock import claimed
from benchmark.store.matrices import generative_factors, keep_matrices
from benchmark.store.measured import Measured, joined, key_of, measured, missing, whose
from benchmark.store.names import file_of, of_other_readouts
from benchmark.store.provenance import code_state
from benchmark.store.record import Record, known_record, make_way, write_record
from benchmark.store.versions import NUMBERS, SCORES, version_of
from benchmark.training.kept import train_anew, trained_before
from benchmark.training.loading import with_data
from benchmark.training.memory import keep_freed_blocks
from benchmark.training.setup import Setup, build, rehearse_training
from benchmark.training.threads import threads
from metrics.core import AMORTISED, Array, Representation


def run(overrides: Sequence[str] = (), **settings: Any) -> Record:
    """One run from Python, such as `run(["objective=iwae", "objective.num_samples=50"], seed=3)`.

    A finished run is not repeated: its record is read. ValueError says what is wrong with a configuration.
    """
    return execute(with_data(compose([*overrides, *(f"{key}={value}" for key, value in settings.items())])))


def execute(plan: Plan, wait: bool = True) -> Record:
    """Do what is missing of a planned run; what goes wrong is kept in its record, and raised.

    Raises `Busy` where another process is at this very run and `wait` is false.
    """
    if (done := finished(plan)) is not None:  # without a lock: the folder may be read-only
        return done
    keep_freed_blocks()
    with claimed(plan.folder, wait), threads(plan.settings.threads):
        remove_leftovers(plan.folder)
        if wrong := make_way(plan.folder):
            print(f"note: {plan.folder}: {wrong}; the run is repeated", file=sys.stderr, flush=True)
        return finished(plan) or _perform(plan)


def _perform(plan: Plan) -> Record:
    previous = previous_record(plan)
    try:
        record = _measure(plan, previous, missing_metrics(plan, previous))
        write_record(plan.folder, record)
    except Exception as error:
        if previous is None:  # what was measured before stays
            keep_failure(plan, error)
        raise
    return record


def keep_failure(plan: Plan, error: BaseException) -> None:
    """Leave what a run raised in its record."""
    with contextlib.suppress(OSError):  # the disk may be what is wrong
        write_record(plan.folder, failure(plan, error))


def finished(plan: Plan) -> Record | None:
    """The record of a run that has nothing left to do."""
    previous = previous_record(plan)
    return None if previous is None or missing_metrics(plan, previous) else previous


def previous_record(plan: Plan) -> Record | None:
    """The finished record of this very run, unless it is to be repeated, or its scores were computed otherwise."""
    record = None if plan.settings.force else known_record(plan.folder)
    if record is None:
        return None
    same_draw = record.config.get("evaluation_seed") == plan.settings.evaluation_seed
    same_way = version_of(record.config) == (NUMBERS, SCORES)
    return record if record.status == "finished" and same_draw and same_way else None


def missing_metrics(plan: Plan, previous: Record | None) -> dict[str, tuple[Component, ...]]:
    """Readout -> the requested metrics that a record does not have of it, with these very options of both."""
    found = missing(measured(previous.config) if previous else {}, _asked(plan))
    return {name: tuple(metric for metric in plan.metrics if metric.name in of) for name, of in found.items()}


def _asked(plan: Plan) -> dict[str, Measured]:
    metrics = {metric.name: metric.as_config() for metric in plan.metrics}
    return {readout.name: Measured(readout.as_config(), metrics) for readout in plan.readouts}


def failure(plan: Plan, error: BaseException) -> Record:
    """The record of a run that raised."""
    text = "".join(traceback.format_exception(error))
    told = {"type": type(error).__name__, "message": str(error), "traceback": text, "command": plan.command}
    return Record("failed", plan.choices, _config(plan, None), error=told, provenance=code_state(plan.packages))


def _measure(plan: Plan, previous: Record | None, metrics: Mapping[str, Sequence[Component]]) -> Record:
    started = time.perf_counter()
    setup = build(plan)
    require_densities(setup)
    if (training := trained_before(setup)) is None:
        rehearse(setup, tuple({metric.name: metric for of in metrics.values() for metric in of}.values()))
    begun = time.perf_counter()
    training = training or train_anew(setup)
    started += time.perf_counter() - begun - training.seconds  # which may have been in a stack, or before a kill
    if previous is None:
        _forget(plan.folder)
    posteriors, found = posteriors_of(setup), {}
    seconds = {"training": round(training.seconds, 3)}
    for readout in plan.readouts:
        if readout.name in metrics:
            found[readout.name] = _of_readout(setup, readout, metrics[readout.name], posteriors, previous, seconds)
    seconds["total"] = round(time.perf_counter() - started, 3)
    about = {"seconds": seconds, "kept_step": training.kept_step, "resumed": training.resumed}
    about["stacked"] = training.stacked
    return _record(setup, previous, metrics, found, about)


def rehearse(setup: Setup, metrics: tuple[Component, ...]) -> None:
    """Everything once on a few examples, before hours are spent; a reference is measured at once."""
    require_densities(setup)
    if setup.train is not None:
        rehearse_training(setup, len(setup.train))
        rehearse_metrics(setup, metrics)


def _of_readout(
    setup: Setup,
    readout: Component,
    metrics: Sequence[Component],
    posteriors: Posteriors,
    previous: Record | None,
    seconds: dict[str, float],
) -> Evaluation:
    """The metrics of one readout; what it leaves in the run's folder, and its seconds, beside those of others."""
    if why := left_out(setup, readout):
        return Evaluation((), {metric.name: why for metric in metrics})
    plan, started = setup.plan, time.perf_counter()
    seen = see(setup, readout, posteriors)
    seconds[f"readout {readout.name}"] = round(time.perf_counter() - started, 3)
    seed = plan.settings.evaluation_seed
    pictures = []
    if setup.model is not None and readout.name == AMORTISED:
        x, known = setup.drawn["test"], posteriors["test"]
        pictures = pictures_of(plan.folder, setup.model, x, known, seed, seen.representation)
    count = plan.settings.threads
    with drawn_beside(pictures, count > 1):
        evaluation = evaluate(metrics, plan.metrics_explicit, seen.representation, seen.trained, seed, count)
    _keep(setup, seen.representation, evaluation.curves, measured_before(previous, readout))
    return evaluation


def _forget(folder: Path) -> None:
    """Remove what other weights, or another way of scoring, have left of readouts that may not be asked for again."""
    for name in ("codes.npz", "curves.npz", "matrices.npz", "matrices.png"):
        for path in folder.glob(of_other_readouts(name)):
            remove(path)


def measured_before(previous: Record | None, readout: Component) -> bool:
    """Whether a record has metrics of this very readout, whose matrices still hold."""
    done = measured(previous.config) if previous else {}
    return readout.name in done and (readout.name == AMORTISED or done[readout.name].readout == readout.as_config())


def _keep(setup: Setup, representation: Representation, curves: Mapping[str, Array], earlier: bool) -> None:
    """Codes, curves and matrices in the run's folder."""
    folder, readout = setup.plan.folder, representation.readout
    save_codes(folder, representation)
    keep_curves(folder, readout, curves, earlier)
    if matrices := keep_matrices(folder, representation, earlier):
        picture = folder / file_of("matrices.png", readout)
        draw_matrices(picture, matrices, generative_factors(representation.test))


def _record(
    setup: Setup,
    previous: Record | None,
    metrics: Mapping[str, Sequence[Component]],
    found: Mapping[str, Evaluation],
    training: dict[str, Any],
) -> Record:
    """The record, with the scores of earlier metrics and readouts that this run was not asked for again."""
    plan = setup.plan
    config = _config(plan, previous)
    holds = {(name, selector) for name, of in measured(config).items() for selector in of.metrics}
    holds -= {(name, metric.name) for name, of in metrics.items() for metric in of}
    kept = [score for score in previous.scores if (score.readout, score.selector) in holds] if previous else []
    missed = {key: why for key, why in previous.left_out.items() if whose(key) in holds} if previous else {}
    validation = [one for one in previous.validation if (one.readout, one.selector) in holds] if previous else []
    missed |= {key_of(name, selector): why for name, of in found.items() for selector, why in of.left_out.items()}
    new = [score for evaluation in found.values() for score in evaluation.scores]
    scores = sorted([*kept, *new], key=lambda score: (score.selector, score.readout))
    origin = {
        **code_state(plan.packages),
        "data_source": setup.dataset.source,
        "protocol": setup.dataset.protocol,
        "shape": list(setup.dataset.shape),
        "encoder_input": f"one draw of the test split ({setup.dataset.binarisation} binarisation)",
        "device": str(setup.device),
        "threads": plan.settings.threads,
        **training,
    }
    record = Record("finished", plan.choices, config, tuple(scores), provenance=origin)
    return replace(record, group=setup.group, left_out=missed, validation=tuple(validation))


def _config(plan: Plan, previous: Record | None) -> dict[str, Any]:
    done = joined(measured(previous.config) if previous else {}, _asked(plan))
    return {**plan.identity, **done, "evaluation_seed": plan.settings.evaluation_seed, "scores": SCORES}
