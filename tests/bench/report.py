"""Times the report on 1,000 synthetic records: `python -m tests.bench.report`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.support.records import demo, manifest


def main() -> None:
    """Write the records, then time the report from its imports to the last picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "demo"
        count = demo(
            folder, seeds=10, betas=tuple(2.0**k for k in range(-3, 5)), models=("mlp", "conv", "resnet", "vit", "wide")
        )
        manifest(folder)
        start, busy = time.perf_counter(), time.process_time()
        from benchmark.reporting.leaderboard import report  # its imports are a part of the wait

        said = report(folder)
        seconds = f"{time.perf_counter() - start:.1f} s ({time.process_time() - busy:.1f} s of processor time)"
        print(f"{count} records, {len(said.text)} characters: {seconds}", file=sys.stderr)


if __name__ == "__main__":
    main()
