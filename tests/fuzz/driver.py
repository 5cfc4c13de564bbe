"""Runs fuzz cases, each in a process that may die, which then is its failure, and counts how they end."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as TookTooLong

from pebble import ProcessExpired, ProcessPool

WORKERS, PATIENCE = 2, 240.0  # seconds that a case may take


def conduct(
    cases: Sequence[str], verdict: Callable[[str], str], good: Sequence[str], start: Callable[[], object] | None = None
) -> int:
    """Print what failed, ends by the cases' families and how many passed; 1 if any failed.

    `verdict` of a case (family-number) is one of `good`, or what is wrong; `start` is called first in each process.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    passed, ends = 0, Counter[str]()
    with ProcessPool(WORKERS, initializer=start, context=multiprocessing.get_context("spawn")) as pool:
        running = {case: pool.schedule(verdict, args=(case,), timeout=PATIENCE) for case in cases}
        for case, future in running.items():
            end = _end(future)
            passed += end in good
            ends[f"{case.partition('-')[0]} {end if end in good else 'failed'}"] += 1
            if end not in good:
                print(f"{case}: {end}", flush=True)
    print(", ".join(f"{end}: {count}" for end, count in sorted(ends.items())))
    print(f"{passed} passed, {len(running) - passed} failed")
    return int(passed < len(running))


def _end(future) -> str:
    try:
        return future.result()
    except TookTooLong:
        return f"did not end within {PATIENCE:g} seconds"
    except ProcessExpired as error:
        return f"the process died with exit code {error.exitcode}"
    except BaseException as error:  # SystemExit among them
        return f"{type(error).__name__}: {error}\n{getattr(error, 'traceback', '')}"
