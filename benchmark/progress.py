"""Progress bars on stderr."""

from __future__ import annotations

import sys
import threading
from typing import Any

from tqdm import tqdm

# tqdm's own lock holds a semaphore that outlives killed workers; bars are drawn by one process here
tqdm.set_lock(threading.RLock())


def bar(total: int, description: str, unit: str, only_on_terminal: bool = False) -> tqdm[Any]:
    """A bar of so many units; `only_on_terminal` keeps it out of log files."""
    disable = only_on_terminal and not sys.stderr.isatty()
    return tqdm(total=total, desc=description, unit=unit, disable=disable, leave=not only_on_terminal, file=sys.stderr)
