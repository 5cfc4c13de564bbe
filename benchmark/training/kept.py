"""Trainings in the folders of their runs: found there, gone on from, or begun; weights and history stay there."""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields

from torch.nn import Module

from benchmark.config.components import Component
from benchmark.config.plan import Plan
from benchmark.store.checkpoint import Training, load_checkpoint, save_checkpoint
from benchmark.store.history import write_rows
from benchmark.training.compiling import obstacle
from benchmark.training.course import Course, Options
from benchmark.training.fit import fit
from benchmark.training.journal import Journal, RunJournal
from benchmark.training.mapped import Whole, in_a_line
from benchmark.training.pixels import Pixels
from benchmark.training.recorded import recordable
from benchmark.training.setup import Setup, train
from benchmark.training.stacked import Outcome, alike, together
from benchmark.training.stacks import why_never
from benchmark.training.validation import Row


def trained_before(setup: Setup) -> Training | None:
    """Load what this very run has trained, if it is to be had; returns what is known of the training, of no time where
    there is nothing to train."""
    return Training(0.0) if setup.model is None or setup.plan.trainer is None else _before(setup)


def train_anew(setup: Setup) -> Training:
    """Train, from what the journal kept or from the start; returns what is known of the training."""
    plan = setup.plan
    journal, validation = _journal(plan), Pixels(setup.dataset, "validation", setup.device)
    try:
        history = _replayed(setup, validation, journal)
        if history is None:
            journal = _journal(plan)
            history = train(setup, validation, journal=journal)
    except FloatingPointError as error:
        raise _diverged(plan, journal, error) from error
    return _keep(setup, journal, history)


def _replayed(setup: Setup, validation: Pixels, journal: RunJournal) -> list[Row] | None:
    """Train as a stack of one where a GPU can record steps, or a processor is to compile them: the same, in a tenth of
    the time or four fifths. None, and a line, where not: then the run has its first weights again, and what the journal
    kept."""
    if not (recordable(setup.device) or _compiles(setup)) or why_never(setup.plan):
        return None
    modules = [one for one in (setup.model, *setup.objectives) if isinstance(one, Module)]
    before = [copy.deepcopy(module.state_dict()) for module in modules]
    try:
        like = alike([_course(setup, validation, Journal())])  # before the journal counts that it was gone on from
        course = _course(setup, validation, journal)
        if not recordable(setup.device):  # one model is not mapped there, and its gradients lie as its weights do
            like = {name: own[None] for name, own in Whole(course.model, course.objectives).named_parameters()}
        [(_, outcome)] = together([course], like)
        if isinstance(outcome, Exception):
            raise outcome
    except (FloatingPointError, OSError):
        raise
    except Exception as error:  # torch says no in many ways
        print(f"note: {setup.plan.folder.name} trains step by step ({in_a_line(error)})", file=sys.stderr, flush=True)
    else:
        return outcome
    for module, state in zip(modules, before, strict=True):
        module.load_state_dict(state)
    return None


def _compiles(setup: Setup) -> bool:
    trainer = setup.plan.trainer
    if trainer is None or trainer.function is not fit or setup.device.type != "cpu":
        return False
    options = options_of(trainer)
    return options.compile and not obstacle("cpu", options.precision)


def trained_together(setups: Sequence[Setup]) -> Iterator[tuple[Plan, Training | Exception]]:
    """Train as one program what was not trained before; gives each run's training, or what it would raise alone, as
    soon as it is over.

    NotAlike where they cannot be one.
    """
    new = [setup for setup in setups if _before(setup) is None]
    if not new:
        return
    validation = Pixels(new[0].dataset, "validation", new[0].device)
    journals = [_journal(setup.plan, len(new)) for setup in new]
    courses = [_course(setup, validation, journal) for setup, journal in zip(new, journals, strict=True)]
    for number, outcome in together(courses):
        setup, journal = new[number], journals[number]
        yield setup.plan, _settled(setup, journal, outcome)


def _settled(setup: Setup, journal: RunJournal, outcome: Outcome) -> Training | Exception:
    """What is left of a member's training, in its folder and to be said."""
    if isinstance(outcome, FloatingPointError):
        return _diverged(setup.plan, journal, outcome)
    try:
        return outcome if isinstance(outcome, Exception) else _keep(setup, journal, outcome)
    except OSError as error:  # the disk is full: for this member now, for others perhaps no more
        return error


def _course(setup: Setup, validation: Pixels, journal: Journal) -> Course:
    assert setup.model is not None
    assert setup.plan.trainer is not None
    options = options_of(setup.plan.trainer)
    seed = setup.plan.settings.seed
    return Course(setup.model, setup.objective, setup.train, validation, seed, setup.second, journal, options)


def options_of(trainer: Component) -> Options:
    """What `fit` would be given, with its own defaults for what is not chosen."""
    defaults = {key: one.default for key, one in inspect.signature(fit).parameters.items()}
    given = {**defaults, **trainer.build().keywords}  # type: ignore[attr-defined]
    given["optimizer_options"] = given["optimizer_options"] or {}
    return Options(**{field.name: given[field.name] for field in fields(Options)})


def _before(setup: Setup) -> Training | None:
    """What is known of a training that is over, with its weights in the model."""
    plan = setup.plan
    if plan.settings.force:
        RunJournal(plan.folder, plan.identity, None).discard()
        return None
    assert setup.model is not None
    before = load_checkpoint(plan.folder, setup.model, plan.identity, setup.objective)
    if before is not None:
        RunJournal(plan.folder, plan.identity, None).discard()
    return before


def _journal(plan: Plan, shared_by: int = 1) -> RunJournal:
    return RunJournal(plan.folder, plan.identity, plan.settings.checkpoint_minutes, shared_by)


def _diverged(plan: Plan, journal: RunJournal, error: FloatingPointError) -> FloatingPointError:
    journal.discard()  # it would end there again
    return FloatingPointError(f"{error}; configuration: {plan.command}")


def _keep(setup: Setup, journal: RunJournal, history: Sequence[Row]) -> Training:
    assert setup.model is not None
    kept = next((row["step"] for row in history if row["kept"]), None)
    training = Training(journal.seconds, kept, journal.resumed, journal.shared_by)
    write_rows(setup.plan.folder, history)
    save_checkpoint(setup.plan.folder, setup.model, setup.plan.identity, training, setup.objective)
    journal.discard()
    return training
