"""Arrays kept on disk: a .npy file followed by the sha256 of its bytes, written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

try:
    import fcntl
except ImportError:  # not on Windows, where two processes may both do the work; the last rename wins
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
DIGEST_BYTES = 32
BLOCK = 1 << 22


def cached_array(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunks: Callable[[], Iterable[NDArray[Any]]]
) -> NDArray[Any]:
    """The array in that file, mapped read-only; made from its chunks along the first axis when missing or damaged."""
    array = _read(path, shape, np.dtype(dtype))
    if array is None:
        with writing(path.parent), locked(path):
            array = _read(path, shape, np.dtype(dtype))  # another process may have made it while we waited
            if array is None:
                with replacing(path) as file:
                    _write(file, shape, np.dtype(dtype), chunks())
                array = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(array)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Makes the folder; a full or read-only disk becomes an error that says what to do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"cannot write to the cache {folder} ({reason}); set cache_dir to a folder with space"
        ) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A temporary file in the same folder, which takes the place of path at the end or vanishes on an error."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process or thread at a time; an optimisation only, since files are replaced whole."""
    with path.with_name(f".{path.name}.lock").open("ab") as file:
        if fcntl is not None:
            with suppress(OSError):  # some network disks have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Iterable[NDArray[Any]]) -> None:
    """Through ordinary writes and not a map, so that a full disk is an error and not a dead process."""
    header = io.BytesIO()
    entries = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, entries)
    digest = hashlib.sha256(header.getvalue())
    file.write(header.getvalue())
    rows = 0
    for chunk in chunks:
        data = np.ascontiguousarray(chunk, dtype=dtype)
        rows += len(data)
        digest.update(data.data)
        file.write(data.data)
    if rows != shape[0]:
        raise RuntimeError(f"{rows} rows instead of {shape[0]}")
    file.write(digest.digest())


def _read(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    if not path.exists():
        return None
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        intact = array.shape == shape and array.dtype == dtype and _digest_holds(path)
    except (OSError, ValueError, EOFError):
        intact = False
    if intact:
        return array
    log.warning("%s is damaged and is made again", path)
    return None


def _digest_holds(path: Path) -> bool:
    left = path.stat().st_size - DIGEST_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()
