"""Planning: from an experiment's grids to checked plans in their folders; seeds cost nothing but their folders."""

from __future__ import annotations

from benchmark.cli import planned
from benchmark.config.compose import Composer
from benchmark.config.source import Source
from tests.speed.core import Row, interleaved

STUDY = ["experiment=locatello2019/paper"]


def rows(quick: bool) -> list[Row]:
    """The study of 1,841 runs, and the same with fewer seeds."""
    found = []
    for seeds in (1, 5, 50) if not quick else (1,):
        overrides = [*STUDY, f"seed=range({seeds})"]
        work = len(planned(Composer(Source.of(overrides)), overrides))

        def plan(overrides: list[str] = overrides) -> None:
            for one in planned(Composer(Source.of(overrides)), overrides):
                one.folder  # noqa: B018 - its hash is what is wanted

        [seconds] = interleaved({"plan": plan}, rounds=1 if quick else 3, warm=0).values()
        found.append(Row("plan locatello2019/paper", work, "runs", seconds))
    return found
