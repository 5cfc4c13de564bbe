"""One experiment, read aloud: a configuration becomes a trained model, its representation, its scores, and a record."""

from __future__ import annotations

import contextlib
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch.distributions import Distribution

from benchmark.config.components import Component
from benchmark.config.compose import compose
from benchmark.config.plan import Plan
from benchmark.drawing.matrices import draw_matrices
from benchmark.measure.engine import Evaluation, evaluate
from benchmark.measure.pictures import draw_pictures
from benchmark.measure.readout import posteriors_of, rehearse_metrics, represent, trained_model_of
from benchmark.store.checkpoint import Training, load_checkpoint, save_checkpoint
from benchmark.store.codes import save_codes
from benchmark.store.files import remove_leftovers
from benchmark.store.history import write_rows
from benchmark.store.lock import claimed
from benchmark.store.matrices import generative_factors, keep_matrices
from benchmark.store.provenance import code_state
from benchmark.store.record import Record, known_record, make_way, write_record
from benchmark.store.versions import NUMBERS, SCORES, version_of
from benchmark.training.journal import RunJournal
from benchmark.training.loading import comparison_group, with_data
from benchmark.training.pixels import Pixels
from benchmark.training.setup import Setup, build, rehearse_training, train
from benchmark.training.threads import threads
from metrics.core import Representation


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
            with contextlib.suppress(OSError):  # the disk may be what is wrong
                write_record(plan.folder, failure(plan, error))
        raise
    return record


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


def missing_metrics(plan: Plan, previous: Record | None) -> tuple[Component, ...]:
    """The requested metrics that a record does not have with these very options."""
    done = previous.config["metrics"] if previous else {}
    return tuple(metric for metric in plan.metrics if done.get(metric.name) != metric.as_config())


def failure(plan: Plan, error: BaseException) -> Record:
    """The record of a run that raised."""
    text = "".join(traceback.format_exception(error))
    told = {"type": type(error).__name__, "message": str(error), "traceback": text, "command": plan.command}
    return Record("failed", plan.choices, _config(plan, {}), error=told, provenance=code_state(plan.packages))


def _measure(plan: Plan, previous: Record | None, metrics: tuple[Component, ...]) -> Record:
    started = time.perf_counter()
    setup = build(plan)
    if setup.train is not None:  # a reference is measured at once
        rehearse_training(setup, len(setup.train))
        rehearse_metrics(setup, metrics)
    training = _train(setup)
    posteriors = posteriors_of(setup)
    representation = represent(setup, posteriors)
    seed = plan.settings.evaluation_seed
    evaluation = evaluate(metrics, plan.metrics_explicit, representation, trained_model_of(setup, posteriors), seed)
    _keep(setup, representation, posteriors["test"], previous is not None)
    seconds = {"training": round(training.seconds, 3), "total": round(time.perf_counter() - started, 3)}
    about = {"seconds": seconds, "kept_step": training.kept_step, "resumed": training.resumed}
    return _record(setup, previous, metrics, evaluation, about)


def _train(setup: Setup) -> Training:
    """Train, or load what was trained before; returns what is known of the training."""
    plan = setup.plan
    if setup.model is None or plan.trainer is None:
        return Training(0.0)
    before = None if plan.settings.force else load_checkpoint(plan.folder, setup.model, plan.identity, setup.objective)
    journal = RunJournal(plan.folder, plan.identity, plan.settings.checkpoint_minutes)
    if before is not None or plan.settings.force:
        journal.discard()
    if before is not None:
        return before
    try:
        history = train(setup, Pixels(setup.dataset, "validation", setup.device), journal=journal)
    except FloatingPointError as error:
        journal.discard()  # it would end there again
        raise FloatingPointError(f"{error}; configuration: {plan.command}") from error
    kept = next((row["step"] for row in history if row["kept"]), None)
    training = Training(journal.seconds, kept, journal.resumed)
    write_rows(plan.folder, history)
    save_checkpoint(plan.folder, setup.model, plan.identity, training, setup.objective)
    journal.discard()
    return training


def _keep(setup: Setup, representation: Representation, posteriors: Sequence[Distribution], earlier: bool) -> None:
    """Codes, matrices and pictures in the run's folder."""
    folder = setup.plan.folder
    save_codes(folder, representation)
    if matrices := keep_matrices(folder, representation, earlier):
        draw_matrices(folder / "matrices.png", matrices, generative_factors(representation.test))
    if setup.model is not None:
        seed = setup.plan.settings.evaluation_seed
        draw_pictures(folder, setup.model, setup.drawn["test"], posteriors, seed, representation)


def _record(
    setup: Setup,
    previous: Record | None,
    metrics: tuple[Component, ...],
    evaluation: Evaluation,
    training: dict[str, Any],
) -> Record:
    """The record, with the scores of earlier metrics that this run was not asked for again."""
    plan = setup.plan
    new = {metric.name for metric in metrics}
    kept = [score for score in previous.scores if score.selector not in new] if previous else []
    left_out = {name: why for name, why in (previous.left_out if previous else {}).items() if name not in new}
    scores = sorted([*kept, *evaluation.scores], key=lambda score: score.selector)
    origin = {
        **code_state(plan.packages),
        "data_source": setup.dataset.source,
        "protocol": setup.dataset.protocol,
        "encoder_input": f"one draw of the test split ({setup.dataset.binarisation} binarisation)",
        "device": str(setup.device),
        "threads": plan.settings.threads,
        **training,
    }
    config = _config(plan, dict(previous.config["metrics"]) if previous else {})
    record = Record("finished", plan.choices, config, tuple(scores), provenance=origin)
    group = comparison_group(plan, setup.dataset)
    return replace(record, group=group, left_out={**left_out, **evaluation.left_out})


def _config(plan: Plan, measured: dict[str, Any]) -> dict[str, Any]:
    metrics = measured | {metric.name: metric.as_config() for metric in plan.metrics}
    return {**plan.identity, "metrics": metrics, "evaluation_seed": plan.settings.evaluation_seed, "scores": SCORES}
