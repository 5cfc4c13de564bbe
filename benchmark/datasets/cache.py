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
from tqdm import tqdm

from benchmark.datasets.core import Lazy
from benchmark.store.arrays import UNREADABLE

try:
    import fcntl
except ImportError:  # not on Windows, where two processes may both do the work; the last rename wins
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)
DIGEST_BYTES = 32
BLOCK = 1 << 22
Check = Callable[[Path, NDArray[Any]], bool]  # whether a file still holds what was written


class CacheError(ValueError):
    """The cache folder cannot be written; one line that says why and what to do."""


def cached_array(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike, chunks: Callable[[], Iterable[NDArray[Any]]]
) -> NDArray[Any]:
    """The array in that file, mapped read-only; made from its chunks along the first axis when missing or damaged."""
    return np.asarray(_mapped(path, shape, np.dtype(dtype), chunks, _digest_holds))


def mapped_images(path: Path, shape: tuple[int, ...], chunks: Callable[[], Iterable[NDArray[np.uint8]]]) -> Lazy:
    """Bytes (N, ...) larger than memory, likewise; known by their stored sha256, which is not computed again.

    Only the file's form and length are checked: reading 13 GB at each start would cost a minute.
    """
    array = _mapped(path, shape, np.dtype(np.uint8), lambda: _told(chunks(), shape[0], path.stem), _length_holds)
    with path.open("rb") as file:
        file.seek(-DIGEST_BYTES, os.SEEK_END)
        return Lazy(shape, array.__getitem__, file.read().hex())


def _told(chunks: Iterable[NDArray[np.uint8]], total: int, name: str) -> Iterator[NDArray[np.uint8]]:
    with tqdm(total=total, desc=f"preparing {name}", unit="image", disable=None) as bar:
        for chunk in chunks:
            yield chunk
            bar.update(len(chunk))


def _mapped(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Callable[[], Iterable[NDArray[Any]]], holds: Check
) -> NDArray[Any]:
    array = _read(path, shape, dtype, holds)
    if array is None:
        with writing(path.parent), locked(path) as alone:
            array = _read(path, shape, dtype, holds)  # another process may have made it while we waited
            if array is None:
                _remove_leftovers(path, alone)
                with replacing(path) as file:
                    _write(file, shape, dtype, chunks())
                array = np.lib.format.open_memmap(path, mode="r")
    return array


def _remove_leftovers(path: Path, alone: bool) -> None:
    """What processes that were killed while they wrote left behind, gigabytes perhaps; nobody else writes meanwhile."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp") if alone else ():
        leftover.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Makes the folder; a full or read-only disk becomes an error that says what to do."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        where = error.filename2 or error.filename or ""
        reason = f"{error.strerror or error}{f': {where}' if where else ''}"
        raise CacheError(
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
def locked(path: Path) -> Iterator[bool]:
    """One process or thread at a time; False where a disk has no locks: files are replaced whole, only work is lost."""
    with path.with_name(f".{path.name}.lock").open("ab") as file:
        alone = False
        if fcntl is not None:
            with suppress(OSError):  # some network disks have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
                alone = True
        yield alone


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


def _read(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], holds: Check) -> NDArray[Any] | None:
    if not os.path.exists(path):
        return None
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # never a pickle or an archive
        if array.shape == shape and array.dtype == dtype and holds(path, array):
            return array
    except UNREADABLE as error:
        log.debug("%s: %s", path, error)
    log.warning("%s is damaged and is made again", path)
    return None


def _length_holds(path: Path, array: NDArray[Any]) -> bool:
    return isinstance(array, np.memmap) and path.stat().st_size == array.offset + array.nbytes + DIGEST_BYTES


def _digest_holds(path: Path, array: NDArray[Any]) -> bool:
    left = path.stat().st_size - DIGEST_BYTES
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        return file.read() == digest.digest()
