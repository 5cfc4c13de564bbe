"""Launchers and sweepers of others: Hydra's plugins that run our jobs, or choose them by what a run returns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmark.config.components import ConfigurationError
from benchmark.config.compose import Composer
from benchmark.config.mistakes import named, one_line
from benchmark.config.source import FROM_COMMAND, SEARCHPATH, Source, as_hydra_reads, config_loader
from benchmark.sweeping.prepare import prepare

CORE = "hydra._internal.core_plugins."  # Hydra's own launcher and sweeper: ours are in their place
Launch = Callable[[Sequence[Sequence[str]]], Any]


def launcher_of(config: Any, source: Source) -> Launch | None:
    """None for our own pool, else a function that gives overrides to the launcher that was chosen."""
    if not has_launcher(config):
        return None
    from hydra.core.plugins import Plugins

    launcher = _instantiated(Plugins.instance().instantiate_launcher, config, source)
    return lambda jobs: launcher.launch([_read(job) for job in jobs], initial_job_idx=0) if jobs else []


def has_launcher(config: Any) -> bool:
    """True where a launcher of others says where runs happen."""
    return not str(config.hydra.launcher._target_).startswith(CORE)


def has_sweeper(config: Any) -> bool:
    """True where runs are chosen by a sweeper of others; ConfigurationError for what only Hydra's own would read."""
    if not str(config.hydra.sweeper._target_).startswith(CORE):
        return True
    if config.hydra.sweeper.params:
        raise ConfigurationError("hydra.sweeper.params: is not read here; write sweep=[{seed: [0, 1]}]")
    return False


def sweeper_of(config: Any, source: Source, folder: Path) -> Callable[[Sequence[str]], Any]:
    """The sweeper that was chosen, which takes the overrides of a command line; files of its own go to the folder."""
    from hydra.core.plugins import Plugins

    if config.hydra.sweep.dir == ".":
        config.hydra.sweep.dir = str(folder)
    sweeper = _instantiated(Plugins.instance().instantiate_sweeper, config, source)
    return lambda arguments: sweeper.sweep(_read(arguments))


def _read(overrides: Sequence[str]) -> list[str]:
    return [as_hydra_reads(text) for text in overrides]


def _instantiated(instantiate: Callable[..., Any], config: Any, source: Source) -> Any:
    """A plugin, given what Hydra hands to its plugins."""
    from hydra._internal.callbacks import Callbacks
    from hydra.types import HydraContext

    try:
        with config_loader(source) as loader:
            context = HydraContext(config_loader=loader, callbacks=Callbacks(config))
        return instantiate(hydra_context=context, task_function=task, config=config)
    except Exception as error:
        raise ConfigurationError(named(one_line(error), source.hydra)) from error


def task(config: Any) -> float | None:
    """One run that a plugin asked for; returns the score that `optimise` names, if it names one.

    The run is in experiment.json, and what goes wrong in its record. It ends the siblings only where the sweeper waits
    for a number.
    """
    from hydra.core.hydra_config import HydraConfig

    from benchmark.experiment import execute
    from benchmark.sweeping.sweep import join_manifest
    from benchmark.sweeping.validation import validated

    state = HydraConfig.get()
    folder = next((place.path for place in state.runtime.config_sources if place.provider == FROM_COMMAND), None)
    places = tuple(text for text in state.overrides.hydra if text.startswith(SEARCHPATH))
    overrides = list(state.overrides.task)
    plan = Composer(Source.of([*places, *overrides], state.job.config_name, folder)).plan(overrides)
    try:
        [full] = prepare([plan], elsewhere=True)  # a device that is not here after all is an error in the run's record
        join_manifest(full)
        execute(full)
        return validated(full)
    except Exception as error:
        if plan.settings.optimise is not None:
            raise
        print(f"failed: {one_line(error)}\n    repeat it alone: {plan.command}", file=sys.stderr)
        return None
