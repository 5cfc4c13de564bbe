"""What can be found wrong before anything runs, once for each distinct choice: data, models, trainers, metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from benchmark.config.components import Component, ConfigurationError
from benchmark.config.mistakes import named, one_line
from benchmark.config.plan import Plan
from benchmark.measure.engine import MetricFailed
from benchmark.measure.readout import rehearse_metrics
from benchmark.store.codes import FILE as CODES
from benchmark.store.documents import digest
from benchmark.store.names import file_of
from benchmark.training.loading import device_of, load_dataset, with_data
from benchmark.training.setup import build, few_of, rehearse_training
from benchmark.training.stacks import size_of
from benchmark.training.threads import threads
from metrics.core import AMORTISED

OF_A_SWEEP = ("results_dir", "workers", "dry_run", "rank_by", "note", "published", "claims", "optimise")


def prepare(plans: Iterable[Plan], elsewhere: bool = False) -> list[Plan]:
    """The plans with their data's checksums, each once: data are fetched and rendered here, before workers start.

    ConfigurationError for what cannot be trained or measured, and for runs that are one and ask for different things.
    Runs that happen `elsewhere` find out there whether they have their device.
    """
    found: dict[str, Plan] = {}
    for plan in plans:
        device_of(plan.settings.device, here=not elsewhere)
        with _mistakes_of(plan):
            full = with_data(plan)
        _refuse_difference(found.setdefault(str(full.folder), full), full)
    _rehearse_each(found.values())
    return list(found.values())


def _refuse_difference(one: Plan, other: Plan) -> None:
    """Two runs of one identity share a folder and a record: what else they ask for must be the same."""
    for key, ours, theirs in (("metrics", one.metrics, other.metrics), ("readout", one.readouts, other.readouts)):
        if ours != theirs:
            raise ConfigurationError(f"{key}: two sets of them for one run, {one.folder.name}; name all in one list")
    settings, others = _settings(one), _settings(other)
    for key, value in settings.items():
        if value != others[key]:
            both = f"{value} and {others[key]}"
            raise ConfigurationError(f"{key}: both {both} for one run, {one.folder.name}; choose one of them")


def _settings(plan: Plan) -> dict[str, Any]:
    """What a run was told beside what it is."""
    return {**vars(plan.settings), "trainer.stack": size_of(plan)}


def refuse_mixture(plans: Sequence[Plan]) -> None:
    """ConfigurationError where runs of one sweep differ in what is said of it as a whole."""
    first = plans[0]
    for plan in plans:
        if plan.experiment != first.experiment:
            raise ConfigurationError(f"experiment: {first.experiment} and {plan.experiment} are in one sweep")
        for key in OF_A_SWEEP:
            if getattr(plan.settings, key) != getattr(first.settings, key):
                both = f"{getattr(first.settings, key)} and {getattr(plan.settings, key)}"
                raise ConfigurationError(f"{key}: {both} in one sweep; give it one value, or start two sweeps")


def refuse_unreadable(plans: Sequence[Plan]) -> None:
    """ConfigurationError for readouts that none of the runs has a posterior for: beside others, references leave them
    out."""
    others = [readout.name for readout in plans[0].readouts if readout.name != AMORTISED]
    if others and all(plan.is_reference for plan in plans):
        names = ", ".join(sorted({plan.choices["model"] for plan in plans}))
        why = f"needs a posterior, and model={names} has codes only; leave it out, readout={AMORTISED}"
        raise ConfigurationError(f"readout={others[0]}: {why}")


def _rehearse_each(plans: Iterable[Plan]) -> None:
    """Every distinct choice that no run was made of yet: a seed does not change what fits what.

    Metrics once on each data set, whose codes these are matters little to them.
    """
    seen: set[str] = set()
    for plan in plans:
        if all((plan.folder / file_of(CODES, readout.name)).exists() for readout in plan.readouts):
            continue
        metrics = _in_question(plan)
        measured = digest({"dataset": plan.dataset.as_config(), "metrics": [metric.as_config() for metric in metrics]})
        readouts = {readout.name: readout.as_config() for readout in plan.readouts}
        trained = digest({**plan.identity, "seed": None, "readouts": readouts})
        if not {measured, trained} <= seen:
            with _mistakes_of(plan), threads(plan.settings.threads):
                _rehearse(plan, () if measured in seen else metrics)
        seen |= {measured, trained}


def _rehearse(plan: Plan, metrics: tuple[Component, ...]) -> None:
    """On the CPU, wherever the runs will be."""
    dataset = load_dataset(plan.dataset, plan.settings)
    here = replace(plan, settings=replace(plan.settings, device="cpu"))
    num_train = len(dataset.splits["train"])
    setup = build(here, few_of(dataset), num_train)
    rehearse_training(setup, num_train)
    rehearse_metrics(setup, metrics)


def _in_question(plan: Plan) -> tuple[Component, ...]:
    """The metrics that somebody named or gave options; the others are tried where the run is."""
    touched = {text.split(".")[1] for text in plan.overrides if text.lstrip("+").startswith("metrics.")}
    return tuple(metric for metric in plan.metrics if plan.metrics_explicit or metric.name in touched)


@contextmanager
def _mistakes_of(plan: Plan) -> Iterator[None]:
    """Whatever goes wrong before a run is a mistake in its configuration, or in what it names."""
    try:
        yield
    except (ConfigurationError, OSError):
        raise
    except Exception as error:
        kind = "" if isinstance(error, ValueError | MetricFailed) else f"{type(error).__name__}: "
        raise ConfigurationError(named(one_line(error), plan.overrides, kind)) from error
