"""Start-up: what a person waits for before anything runs, and what a sweep pays for each run that is finished."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from torch import Tensor

from benchmark.config.compose import compose
from benchmark.config.plan import Plan
from benchmark.experiment import execute, finished
from benchmark.training.course import Course
from benchmark.training.loading import with_data
from tests.speed.core import Row, interleaved

SMALL = ["dataset=digits", "metrics=[rate_distortion]", "trainer.steps=1"]


def rows(quick: bool) -> list[Row]:
    """Commands in processes of their own beside a bare Python with torch; then inside a warm one."""
    rounds = 1 if quick else 5
    commands = {
        "torch": ["-c", "import torch"],
        "import benchmark": ["-c", "import benchmark"],
        "benchmark --help": ["-m", "benchmark", "--help"],
        "benchmark dry_run=true": ["-m", "benchmark", *SMALL, "dry_run=true"],
    }
    waits = interleaved({name: lambda of=of: _python(of) for name, of in commands.items()}, rounds)
    limit = waits.pop("torch")
    found = [Row(name, 1, "commands", seconds, "import torch", limit) for name, seconds in waits.items()]
    return [*found, *_warm(rounds)]


def _python(arguments: Sequence[str]) -> None:
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def _warm(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        plans = [with_data(compose([*SMALL, f"seed={seed}", f"results_dir={name}"])) for seed in range(rounds + 2)]
        left = iter(plans)
        [run] = interleaved({"run": lambda: execute(next(left))}, rounds).values()
        more = [
            with_data(compose([*SMALL, f"seed={seed}", f"results_dir={name}"])) for seed in range(100, 100 + rounds)
        ]
        start = statistics.median(map(_to_the_first_step, more))
        [read] = interleaved({"read": lambda: finished(plans[0])}, 20).values()
        assert (Path(name) / "single").is_dir()
    return [
        Row("a warm process starts a run, to its first step", 1, "runs", start),
        Row("a run of one step in a warm process, rate_distortion", 1, "runs", run),
        Row("a finished run is found and read", 1, "runs", read),
    ]


def _to_the_first_step(plan: Plan) -> float:
    """Seconds from a plan to where its training begins: model, data, objective, optimiser and folder are there."""
    begun: list[float] = []
    rows = Course.rows

    def watched(course: Course) -> Iterator[tuple[int, Tensor]]:
        begun.append(time.perf_counter())
        return rows(course)

    asked = time.perf_counter()
    with patch.object(Course, "rows", watched):
        execute(plan)
    return begun[0] - asked
