"""Ctrl-C ends a program with exit code 130, whatever it is at: libraries swallow exceptions while they are imported."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

INTERRUPTED = 130  # what a shell says of a program that a Ctrl-C ended
IMPORTING = "<frozen importlib._bootstrap>"


@contextlib.contextmanager
def exiting() -> Iterator[None]:
    """Within it a Ctrl-C raises KeyboardInterrupt and ends in exit code 130, also where somebody swallows it.

    In the middle of an import it ends the program at once: nothing is ever half-written that this could harm.
    """
    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> Any:
        heard.append(number)
        if _importing(frame):
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError, ValueError, RuntimeError):  # in the middle of a write
                    stream.flush()
            os._exit(INTERRUPTED)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            sys.exit(INTERRUPTED)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False
