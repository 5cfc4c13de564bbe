"""What a sweep would do and how long it would take, without doing it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean

import torch

from benchmark.config.plan import Plan
from benchmark.experiment import missing_metrics, previous_record
from benchmark.store.documents import digest
from benchmark.store.record import known_record
from benchmark.sweeping.machine import need_of, processes, trainers
from benchmark.sweeping.stacks import said_of
from benchmark.training.phases import evaluations
from benchmark.training.setup import build
from benchmark.training.stacks import stacks_of
from benchmark.training.threads import threads
from benchmark.training.validation import Objective
from models.noise import Stream
from models.vae import VAE, Batch

TIMED_STEPS = 10
EVALUATION_SECONDS = 5.0  # of a run that no finished one resembles


def print_dry_run(plans: Sequence[Plan], here: bool = True) -> None:
    """One line a run: finished, to re-score, or to do; then the time that what is left will take.

    Runs that happen elsewhere are timed on this machine's CPU, and how many of them at once nobody knows.
    """
    seconds: dict[str, float] = {}
    total, left = 0.0, list[Plan]()
    for plan in plans:
        previous = previous_record(plan)
        missing = missing_metrics(plan, previous)
        state = "finished" if previous and not missing else "re-score" if previous else "to do"
        print(f"{state:9} {plan.command}")
        if state != "finished":
            left.append(plan)
            timed = plan if here else replace(plan, settings=replace(plan.settings, device="cpu"))
            total += _seconds(timed, plans, seconds) if state == "to do" else EVALUATION_SECONDS
    workers = processes(plans[0].settings, len(left), need_of(plans[0])) if here else 1
    where = (
        f"on {workers} processes, threads={plans[0].settings.threads} each"
        if here
        else "one after the other, on this machine's CPU"
    )
    stacked = said_of(stacks_of(left, trainers(plans[0].settings, workers))) if here else ""
    rough = " or less, for they were timed one by one" if stacked else ""
    print(f"{len(plans)} runs, {len(left)} left{stacked}: about {total / workers / 60:.1f} minutes{rough} {where}")


def _seconds(plan: Plan, plans: Sequence[Plan], known: dict[str, float]) -> float:
    """The mean of finished runs that differ in the seed alone, else ten steps of training, timed and scaled."""
    key = _kind(plan)
    if key not in known:
        done = [_spent(other) for other in plans if _kind(other) == key]
        spent = [seconds for seconds in done if seconds is not None]
        known[key] = mean(spent) if spent else EVALUATION_SECONDS + _timed(plan)
    return known[key]


def _kind(plan: Plan) -> str:
    return digest({key: value for key, value in plan.identity.items() if key != "seed"})


def _spent(plan: Plan) -> float | None:
    record = known_record(plan.folder)
    return record.provenance.get("seconds", {}).get("total") if record else None


def _timed(plan: Plan) -> float:
    """Seconds of training, from a few steps without their optimiser."""
    if plan.trainer is None or plan.is_reference:
        return 0.0
    with threads(plan.settings.threads):
        setup = build(plan)
        assert setup.model is not None
        assert setup.train is not None
        options = plan.trainer.options
        size = min(int(options["batch_size"]), len(setup.train))
        generator = torch.Generator(device=setup.device).manual_seed(0)
        batch = Batch(setup.train.batch(torch.arange(size, device=setup.device), generator), 0, size, Stream(generator))
        steps = options["steps"] or options["epochs"] * len(setup.train) / size
        shares = evaluations(options.get("phases"))
        timed = (share * _step(of, setup.model, batch) for of, share in zip(setup.objectives, shares, strict=False))
        return sum(timed) * float(steps)


def _step(objective: Objective, model: VAE, batch: Batch) -> float:
    """Seconds of one value with its gradient."""
    objective(model, batch).mean().backward()
    started = time.perf_counter()
    for _ in range(TIMED_STEPS):
        objective(model, batch).mean().backward()
    return (time.perf_counter() - started) / TIMED_STEPS
