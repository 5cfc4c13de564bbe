"""The laws over all that a package of the user's brings, a line each."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmark.checks import datasets, declared, heads, metrics, models, objectives
from benchmark.checks.laws import Broken, hold
from benchmark.config.compose import compose
from benchmark.config.guide import description
from benchmark.config.mistakes import one_line
from benchmark.config.packages import Package
from benchmark.config.plan import Plan
from benchmark.datasets import Dataset, Paths
from benchmark.measure.engine import needs_densities
from benchmark.measure.readout import posteriors_of, trained_model_of
from benchmark.store.groups import EVERY, MEASURING
from benchmark.training.loading import load_dataset
from benchmark.training.setup import build, build_model, few_of
from metrics.core import Score
from models.noise import Stream

Law = tuple[str, Callable[[], Any]]


def check(package: Package, say: Callable[[str], None] = print) -> int:
    """Every law over every choice of a package, a line each; returns how many do not hold."""
    failed = 0
    for choice in package.choices:
        for name, law in laws_of(package, choice):
            try:
                law()
            except (Exception, SystemExit) as error:  # the user's code may raise anything
                kind = "" if isinstance(error, Broken | ValueError) else f"{type(error).__name__}: "
                say(f"FAILED  {choice}: {name}: {kind}{one_line(error)}")
                failed += 1
            else:
                say(f"ok      {choice}: {name}")
    return failed


def laws_of(package: Package, choice: str) -> Iterator[Law]:
    """The laws of one YAML; what does not compose, or raises before there is a law, has one that does not hold."""
    group, _, name = choice.partition("/")
    yield "its first line says what it is", partial(_described, Path(package.conf) / f"{choice}.yaml")
    if group not in EVERY:
        return
    chosen = f"{group}=[{name}]" if group in MEASURING else f"{group}={name}"
    typed = [f"packages=[{package.name}]", chosen]
    try:
        plan = compose(typed)
        for part in (*plan.parts.values(), *plan.metrics, *plan.readouts):
            part.build()
    except (Exception, SystemExit) as error:
        yield "composes and builds", partial(_raise, error)
        return
    yield "composes and builds", lambda: None
    try:
        yield from _laws(group, plan, typed)
    except (Exception, SystemExit) as error:
        yield "can be held to the laws", partial(_raise, error)


def _laws(group: str, plan: Plan, typed: Sequence[str]) -> Iterator[Law]:
    if group == "objective" and plan.objective is not None:
        small = compose([*typed, "model=mlp", "model.latent_dim=6"])
        yield from ((_named(law), partial(law, small)) for law in objectives.LAWS)
    elif group in heads.LAWS:
        yield _named(heads.LAWS[group]), partial(heads.LAWS[group], plan.heads[group].build())
    elif group == "model" and not plan.is_reference:
        yield from ((_named(law), partial(law, partial(_model, plan))) for law in models.LAWS)
    elif group == "dataset":
        yield from _laws_of_dataset(plan)
    elif group == "metrics":
        yield from _laws_of_metric(plan, typed)


def _laws_of_dataset(plan: Plan) -> Iterator[Law]:
    def load() -> Dataset:
        with tempfile.TemporaryDirectory() as folder:
            return plan.dataset.build()(Paths(None, Path(folder)))

    try:
        data = load()
        hold(isinstance(data, Dataset), f"gives {type(data).__name__}, expected benchmark.datasets.Dataset")
    except Exception as error:
        yield "loads", partial(_raise, error)
        return
    yield from ((_named(law), partial(law, data)) for law in datasets.LAWS)
    yield _named(datasets.same_call_same_bytes), partial(datasets.same_call_same_bytes, load)


def _laws_of_metric(plan: Plan, typed: Sequence[str]) -> Iterator[Law]:
    [metric] = plan.metrics
    try:
        densities = needs_densities(metric)
    except ValueError as error:
        yield "is a function of a representation or of a trained model", partial(_raise, error)
        return
    entries = tuple(getattr(sys.modules[metric.function.__module__], "SCORES", ()))
    if densities:
        yield "plain numbers on an untrained model", lambda: metrics.plain_numbers(_of_densities(typed))
        yield "same twice", lambda: metrics.hold_same(_of_densities(typed), _of_densities(typed))
    else:
        measure: metrics.Measure = metric.build()
        yield from ((_named(law), partial(law, measure)) for law in metrics.LAWS)
    if entries and densities:
        yield from _laws_of_declared(lambda cases: _of_densities(typed), entries)
    elif entries:
        yield from _laws_of_declared(partial(declared.measured, measure), entries)
        yield "declared chance", lambda: declared.chance(declared.measured(measure, ["noise"]), entries)
        yield "declared changes", lambda: declared.changes(measure, entries)


def _laws_of_declared(found: Callable[[Sequence[str]], list[Score]], entries: declared.Entries) -> Iterator[Law]:
    both = ("truth", "noise")
    yield "declared names, units and directions", lambda: declared.names_units_and_directions(found(both), entries)
    yield "declared ranges", lambda: declared.ranges(found(both), entries)


def _of_densities(typed: Sequence[str]) -> list[Score]:
    plan = compose([*typed, "dataset=digits", "model=mlp", "model.latent_dim=6", "device=cpu"])
    setup = build(plan, few_of(load_dataset(plan.dataset, plan.settings)))
    trained = trained_model_of(setup, posteriors_of(setup))
    return metrics.listed(plan.metrics[0].build()(replace(trained, noise=Stream.seeded(0))))


def _model(plan: Plan, shape: tuple[int, ...]) -> Any:
    return build_model(plan, shape, torch.full(shape, 0.3))


def _described(path: Path) -> None:
    hold(description(path), "opens with no comment line; --help prints it")


def _raise(error: BaseException) -> None:
    raise error


def _named(law: Callable[..., Any]) -> str:
    return law.__name__.replace("_", " ")
