"""Runs of a sweep that train as one program: what a worker does with a stack, before each run is measured by itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

import torch

from benchmark.config.plan import Plan
from benchmark.experiment import keep_failure, previous_record, rehearse
from benchmark.store.files import remove, remove_leftovers
from benchmark.store.lock import Busy, claimed
from benchmark.store.record import FILE, make_way
from benchmark.training.kept import trained_together
from benchmark.training.mapped import NotAlike
from benchmark.training.memory import keep_freed_blocks
from benchmark.training.recorded import give_back
from benchmark.training.setup import build_several
from benchmark.training.stacks import TRAINED, size_of, why_alone
from benchmark.training.threads import threads


class Trained(NamedTuple):
    """What came of a stack: names of runs' folders."""

    done: tuple[str, ...] = ()  # whose weights are there to be measured
    failed: tuple[tuple[str, str], ...] = ()  # which have a record of what they raised, and that
    alone: str = ""  # why they could not train as one program, which leaves all of them to be run alone


def train_stack(plans: Sequence[Plan]) -> Trained:
    """Train runs as one program, in the folders of their own.

    One that another process is at is left to it. A stack that does not fit into the memory of a GPU is halved.
    """
    try:
        with ExitStack() as claims:
            mine = [plan for plan in plans if _is_free(plan, claims)]
            return _trained(mine) if len(mine) > 1 else Trained()
    except NotAlike as error:
        return Trained(alone=str(error))
    except torch.OutOfMemoryError:
        if len(plans) == 1:
            raise
    finally:
        give_back()
    half = len(plans) // 2
    one, other = train_stack(plans[:half]), train_stack(plans[half:])
    return Trained(one.done + other.done, one.failed + other.failed, one.alone or other.alone)


def _is_free(plan: Plan, claims: ExitStack) -> bool:
    """Whether a run is to be trained, and is ours from now on."""
    try:
        claims.enter_context(claimed(plan.folder, wait=False))
    except Busy:
        return False
    remove_leftovers(plan.folder)
    if wrong := make_way(plan.folder):
        print(f"note: {plan.folder}: {wrong}; the run is repeated", file=sys.stderr, flush=True)
    return previous_record(plan) is None


def _trained(plans: Sequence[Plan]) -> Trained:
    done, failed = [], []
    keep_freed_blocks()
    with threads(plans[0].settings.threads):
        setups = build_several(plans)
        rehearse(setups[0], plans[0].metrics)
        for plan, outcome in trained_together(setups):
            if isinstance(outcome, Exception):
                keep_failure(plan, outcome)
                failed.append((plan.folder.name, f"{type(outcome).__name__}: {first_line(outcome)}"))
            else:
                remove(plan.folder / FILE)  # of other weights, where the run was to be repeated
                done.append(plan.folder.name)
    return Trained(tuple(done), tuple(failed))


def said_of(stacks: Sequence[Sequence[Plan]]) -> str:
    """How many runs train as one program, in words that follow "so many to do"; nothing where all train alone."""
    several = [len(stack) for stack in stacks if len(stack) > 1]
    return f", {sum(several)} of them in {len(several)} stacks of up to {max(several)}" if several else ""


def alone_because(plans: Sequence[Plan]) -> list[str]:
    """Why runs train alone that were asked to share a stack."""
    asked = (plan for plan in plans if plan.trainer is not None and size_of(plan) > 1)
    return sorted({why for plan in asked if (why := why_alone(plan)) and why != TRAINED})


def after(stack: Sequence[Plan], came: Trained | BaseException | None) -> tuple[list[tuple[Plan, str]], list[Plan]]:
    """Runs that failed, each with what it raised, and those that are to be done next, one by one.

    A stack that died, or cannot be one, costs none of its runs: each goes on by itself from where it was.
    """
    found = came if isinstance(came, Trained) else Trained()
    why = first_line(came) if isinstance(came, BaseException) else found.alone
    if why:
        print(f"\nnote: {len(stack)} runs from {stack[0].folder.name} on train one by one ({why})", file=sys.stderr)
    failed, others = dict(found.failed), []
    for plan in stack:
        if plan.folder.name not in failed:  # what is trained is not trained again where runs are repeated
            settings = replace(plan.settings, force=plan.settings.force and plan.folder.name not in found.done)
            others.append(replace(plan, settings=settings))
    return [(plan, failed[plan.folder.name]) for plan in stack if plan.folder.name in failed], others


def first_line(error: BaseException) -> str:
    """The line of an error that says it all."""
    return (str(error).strip().splitlines() or ["(no message)"])[0]
