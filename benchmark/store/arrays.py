"""Files of arrays that may be damaged or somebody else's: never a pickle, no memory asked for on a header's word."""

from __future__ import annotations

import lzma
import math
import struct
import tarfile
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

# All that parsers of foreign bytes (zipfile, gzip, tarfile, h5py, numpy's headers) raise; RuntimeError is what zipfile
# says of encryption and of unknown methods, AttributeError and TypeError what numpy says of headers that are no dict.
UNREADABLE = (
    OSError, ValueError, LookupError, EOFError, TypeError, AttributeError, ArithmeticError, RuntimeError, MemoryError,
    SyntaxError, tokenize.TokenError, struct.error, zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
MOST_BYTES = 1 << 32  # unpacked, of all that is read of one npz at once
REMEDY = "save plain numeric arrays with numpy.savez"


class UnreadableError(ValueError):
    """A file that is not what it should be; one line with its path, why, and what to do."""


@contextmanager
def reading(path: Path, problem: str, remedy: str) -> Iterator[None]:
    """Whatever damaged bytes make a parser raise in here becomes `<path> <problem> (<why>); <remedy>`."""
    try:
        yield
    except UnreadableError:
        raise
    except UNREADABLE as error:
        raise UnreadableError(f"{path} {problem} ({_why(error)}); {remedy}") from error


def read_arrays(
    path: Path, names: Sequence[str] | None = None, optional: Sequence[str] = (), remedy: str = REMEDY
) -> dict[str, NDArray[Any]]:
    """Those arrays of a .npz file and the `optional` ones that it has, or all.

    UnreadableError where it is missing, damaged, too large or something else. Every header is checked against the bytes
    that follow it before an array is made; at most MOST_BYTES are unpacked.
    """
    with reading(path, "is no npz file", remedy), opened(path) as archive:
        members = archive.namelist()
        if names is not None:
            there = [name for name in optional if f"{name}.npy" in members]
            members = [f"{name}.npy" for name in (*names, *there)]
        total = sum(archive.getinfo(member).file_size for member in members)
        if total > MOST_BYTES:
            raise ValueError(f"unpacked it has {total:,} bytes, more than {MOST_BYTES:,}")
        return {name: whole(archive, name) for name in (member.removesuffix(".npy") for member in members)}


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive of a .npz file, whose members are arrays that no password and no unknown method hides."""
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise OSError("it is no regular file")
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                raise ValueError(f"its member {info.filename!r} is no array")
            if info.compress_type not in METHODS:
                raise ValueError(f"{info.filename!r} is compressed by the unknown method {info.compress_type}")
        yield archive


def blocks(archive: zipfile.ZipFile, key: str, shape: tuple[int, ...], size: int) -> Iterator[NDArray[np.uint8]]:
    """The bytes of array `key`, which must have that shape, in blocks (size, ...) along the first axis."""
    with archive.open(f"{key}.npy") as file:
        found, fortran, dtype = _header(file, key)
        if found != shape or dtype != np.uint8 or fortran:
            raise ValueError(f"{key} have shape {found} and type {dtype}{', columns first' * fortran}")
        row = math.prod(shape[1:])
        for start in range(0, shape[0], size):
            count = min(size, shape[0] - start)
            data = file.read(count * row)
            if len(data) != count * row:
                raise EOFError("it ends early")
            yield np.frombuffer(data, np.uint8).reshape(count, *shape[1:])
        if file.read(1):
            raise ValueError(f"{key} go on after their end")


def whole(archive: zipfile.ZipFile, key: str, expected: tuple[int, ...] | None = None) -> NDArray[Any]:
    """The array `key`, of that shape if one is expected; read only where as many bytes follow as its header states."""
    member = f"{key}.npy"
    with archive.open(member) as file:
        shape, _, dtype = _header(file, key)
        count = math.prod(shape)
        stated, there = count * dtype.itemsize, archive.getinfo(member).file_size - file.tell()
        if shape != (expected or shape):
            raise ValueError(f"{key} have shape {shape}, not {expected}")
        if stated != there or (count and not dtype.itemsize):
            raise ValueError(f"{key} has {there:,} bytes where its header states {stated:,} for shape {shape}")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: IO[bytes], key: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of the array in an opened .npy, which then stands at its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a header that Python 2 wrote, of escapes in damaged text
        shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError(f"{key} holds Python objects")
    if min(shape, default=0) < 0:
        raise ValueError(f"{key} has shape {shape}")
    return shape, fortran, dtype


def _why(error: BaseException) -> str:
    text = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    return " ".join(text.split())[:200] or type(error).__name__
