"""Who is at work: one process per folder, whatever the file system has for locks."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from benchmark.store.files import Unwritable, writing

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # what file systems without locks answer
LEASE_SECONDS = 60.0  # after so long without a sign of life a lease is anybody's


class Busy(RuntimeError):
    """Another process is at this folder."""


class NoLocks(UserWarning):
    """The file system has no locks, and leases take their place."""


@contextmanager
def claimed(folder: Path, wait: bool) -> Iterator[None]:
    """Hold the folder's lock, which the system frees when the process ends, however it ends.

    Where the file system has no locks it is a lease, a file that its holder touches: free at once after the death of a
    holder on this machine, LEASE_SECONDS after that of one elsewhere. Raises Busy where another process has it and
    `wait` is false, Unwritable in a folder that cannot be written to.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = _acquired(folder, -1 if wait else 0)
    try:
        yield
    finally:
        lock.release()


def _acquired(folder: Path, timeout: float) -> BaseFileLock:
    try:
        try:
            return _acquire(FileLock(folder / ".claim", timeout, fallback_to_soft=False))
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        warnings.warn(f"{folder.parent}: this file system has no locks, leases are used", NoLocks, stacklevel=4)
        return _acquire(SoftFileLease(folder / ".claim.lease", timeout=timeout, lease_duration=LEASE_SECONDS))
    except Timeout as error:
        raise Busy(f"{folder.name}: another process is at this run") from error
    except OSError as error:
        raise Unwritable(error.errno, error.strerror or str(error), str(folder)) from error


def _acquire(lock: BaseFileLock) -> BaseFileLock:
    lock.acquire()
    return lock
