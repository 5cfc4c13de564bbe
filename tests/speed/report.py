"""The report of a folder of synthetic records: tables, claims and pictures, the first time and when nothing changed."""

from __future__ import annotations

import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tests.speed.core import Row
from tests.support.records import demo, manifest

BETAS = tuple(2.0**k for k in range(-3, 5))
MODELS = ("mlp", "conv", "resnet", "vit", "wide", "deep", "small", "large", "tied", "gated")


def rows(quick: bool) -> list[Row]:
    """Of about 100, 1,000 and 10,000 records of some 80 scores."""
    from benchmark.reporting.leaderboard import report

    found = []
    for seeds, models in ((5, 1), (10, 5), (50, 10)) if not quick else ((2, 1),):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "demo"
            count = demo(folder, seeds=seeds, betas=BETAS, models=MODELS[:models])
            manifest(folder)
            for which in ("the first time", "again, nothing changed"):
                start = time.perf_counter()
                with redirect_stdout(StringIO()):  # the table of the timings is what is wanted there
                    report(folder)
                found.append(Row(f"report {which}", count, "records", time.perf_counter() - start))
    return found
