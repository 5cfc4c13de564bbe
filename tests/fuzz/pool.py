"""Cases of a fuzz script on two processes that may die: each passes or says what is wrong with how it ended."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TookTooLong

from pebble import ProcessExpired, ProcessPool

WORKERS, PATIENCE = 2, 240.0  # seconds that a case may take


def try_all(verdict: Callable[[str], str], cases: Sequence[str], good: Sequence[str]) -> int:
    """Print what failed and how many passed; 1 if any failed. `verdict` says of a case how it ended."""
    os.environ["OMP_NUM_THREADS"] = "1"
    passed, failed, ends = 0, 0, Counter()
    with ProcessPool(max_workers=WORKERS, context=multiprocessing.get_context("spawn")) as pool:
        running = {case: pool.schedule(verdict, args=(case,), timeout=PATIENCE) for case in cases}
        for case, future in running.items():
            try:
                end = future.result()
            except TookTooLong:
                end = f"did not end within {PATIENCE:g} seconds"
            except ProcessExpired as error:
                end = f"the process died with exit code {error.exitcode}"
            except Exception as error:
                end = f"{type(error).__name__}: {error}\n{getattr(error, 'traceback', '')}"
            passed, failed = passed + (end in good), failed + (end not in good)
            ends[f"{case.rpartition('-')[0]} {end if end in good else 'failed'}"] += 1
            if end not in good:
                print(f"{case}: {end}", flush=True)
    print(", ".join(f"{end}: {count}" for end, count in sorted(ends.items())))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
