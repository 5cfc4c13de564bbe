"""Arrays inside a .npz read as a stream of rows, in constant memory and without ever opening a pickle."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray


def header(file: IO[bytes], key: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array in an opened .npy, which then stands at its first value."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if fortran or dtype.hasobject:
        raise ValueError(f"{key} are stored in an unexpected way")
    return shape, dtype


def blocks(archive: zipfile.ZipFile, key: str, shape: tuple[int, ...], size: int) -> Iterator[NDArray[np.uint8]]:
    """The bytes of array `key`, which must have that shape, in blocks (size, ...) along the first axis."""
    with archive.open(f"{key}.npy") as file:
        found, dtype = header(file, key)
        if found != shape or dtype != np.uint8:
            raise ValueError(f"{key} have shape {found} and type {dtype}")
        for start in range(0, shape[0], size):
            wanted = (min(size, shape[0] - start), *shape[1:])
            data = file.read(int(np.prod(wanted)))
            if len(data) != np.prod(wanted):
                raise EOFError("it ends early")
            yield np.frombuffer(data, np.uint8).reshape(wanted)
