"""Who is at work: one process per run folder, and so many threads per process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no flock: there two sweeps over one folder may do a run twice
    fcntl = None  # type: ignore[assignment]


class Busy(RuntimeError):
    """Another process is at this run."""


@contextmanager
def claimed(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the process ends, however it ends."""
    if fcntl is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".claim", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    except BlockingIOError as error:
        raise Busy(f"{folder.name}: another process is at this run") from error
    finally:
        os.close(descriptor)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads for torch and for every BLAS and OpenMP library, since the last digits depend on them."""
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before)
