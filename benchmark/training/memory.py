"""What the C library does with memory that was freed: a run asks for the same large blocks at every step."""

from __future__ import annotations

import ctypes
import functools
import sys

LARGEST = 2**25  # bytes of a block that is taken from the heap, from the start: what glibc allows itself at most
KEPT = 2**27  # bytes at the end of the heap that stay although they are free
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # names of mallopt's options in malloc.h


@functools.cache
def keep_freed_blocks() -> bool:
    """Let glibc keep what is freed for the next step, once in a process; whether it does.

    It gives the end of its heap back whenever a few blocks of it are free, so that the system fills the same pages with
    zeros at every step: up to a fifth of an IWAE step with K = 50. Elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # a C library without it, such as musl
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST)) and bool(mallopt(TRIM_THRESHOLD, KEPT))
