"""Hydra's sweeper of this benchmark: a union of grids, finished runs left alone, a report at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class Grids(Sweeper):
    """Expands `sweep:` (each entry a grid) and the command line, which has the last word, into runs.

    They run in our own pool of warm workers; any other `hydra/launcher` gets what is not finished.
    """

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.context, self.task, self.composed = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        """Run everything; ends the process with a code other than 0 if a run failed."""
        from benchmark.entry import conduct

        grids: Any = OmegaConf.to_container(self.composed.sweep, resolve=True)
        parser = OverridesParser.create(config_loader=self.context.config_loader)
        jobs = expand(parser, grids or [{}], arguments)
        raise SystemExit(conduct([self._plan(job) for job in jobs], self._launcher()))

    def _plan(self, overrides: Sequence[str]) -> Any:
        from benchmark.compose import plan_of

        config = self.context.config_loader.load_sweep_config(self.composed, list(overrides))
        return plan_of(config, config.hydra.runtime.choices, overrides)

    def _launcher(self) -> Any:
        """None for our own pool, else a function that gives overrides to the launcher that was chosen."""
        if self.composed.hydra.launcher._target_ == BASIC_LAUNCHER:
            return None
        from hydra.core.plugins import Plugins

        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.context, task_function=self.task, config=self.composed
        )
        return lambda jobs: launcher.launch([list(job) for job in jobs], initial_job_idx=0) if jobs else []


def expand(parser: OverridesParser, grids: Sequence[Mapping[str, Any]], arguments: Sequence[str]) -> list[list[str]]:
    """The overrides of every run: the product within each grid, one grid after the other, without repetitions."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    from benchmark.compose import opened

    given = {override.key_or_group for override in parser.parse_overrides(list(arguments))}
    jobs: dict[tuple[str, ...], None] = {}
    for grid in grids:
        rest = [f"{key}={_values(value)}" for key, value in grid.items() if key not in given]
        parsed = parser.parse_overrides(opened([*arguments, *rest]))
        for batch in BasicSweeper.split_arguments(parsed, None):
            jobs |= {tuple(job): None for job in batch}
    return [list(job) for job in jobs]


def _values(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


ConfigStore.instance().store(
    group="hydra/sweeper", name="grids", node={"_target_": f"{__name__}.Grids"}, provider="betterbound"
)
