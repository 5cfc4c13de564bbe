"""Progress bars on stderr."""

from __future__ import annotations

import sys
import threading
from typing import Any

from tqdm import tqdm

# tqdm's own lock holds a semaphore that outlives killed workers; bars are drawn by one process here
tqdm.set_lock(threading.RLock())


def bar(total: int, description: str, unit: str, only_on_terminal: bool = False) -> tqdm[Any]:
    """A bar of so many units, drawn seldom in log files; `only_on_terminal` keeps it out of them."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        disable=only_on_terminal and not terminal,
        leave=not only_on_terminal,
        mininterval=0.1 if terminal else 10.0,
        file=sys.stderr,
    )


def note(progress: tqdm[Any], **words: Any) -> None:
    """Words behind the bar, drawn at once on a terminal and with the next drawing in a log file."""
    progress.set_postfix(words, refresh=sys.stderr.isatty())
