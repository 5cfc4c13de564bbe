"""One array of numbers out of a MATLAB 5 file: a parser of a few lines that damaged files cannot crash.

`scipy.io.loadmat` follows the sizes that a file states, and damaged ones end it by a segmentation fault. A file is a
header of 128 bytes and elements: type, number of bytes, data; an element may hold one other in compressed form
(MAT-File Format, The MathWorks, chapter 1).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

HEADER = 128  # bytes, of which the last two tell the order of all others
ORDERS = {b"IM": "<", b"MI": ">"}
INT8, UINT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 2, 5, 6, 14, 15  # types of elements
BYTES = 9  # the class of an array of uint8
MOST_BYTES = 64_000_000  # of one array, unpacked
CLASSES = {6: "f8", 7: "f4", 8: "i1", BYTES: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}  # of real numbers
# types of elements that hold their values: a writer takes the smallest that does
STORED = {INT8: "i1", UINT8: "u1", 3: "i2", 4: "u2", INT32: "i4", UINT32: "u4", 7: "f4", 9: "f8"}


def uint8_array(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array of uint8 with that name; ValueError, struct.error or zlib.error where there is none."""
    found = _found(content, name, MOST_BYTES)
    if (found.kind, found.stored) != (BYTES, UINT8):
        raise ValueError(f"{name!r} is no array of uint8")
    return _values(found, name, "u1")


def real_array(content: bytes, name: str, most_bytes: int = 4 * MOST_BYTES) -> NDArray[Any]:
    """The array of real numbers with that name, of whatever type its values are kept in; errors likewise."""
    found = _found(content, name, most_bytes)
    if found.kind not in CLASSES or found.stored not in STORED:
        raise ValueError(f"{name!r} is no array of real numbers")
    return _values(found, name, f"{found.order}{STORED[found.stored]}")


class _Found(NamedTuple):
    kind: int  # class of the array
    stored: int  # type of the element with its values
    order: str  # of bytes
    shape: tuple[int, ...]
    data: bytes


def _found(content: bytes, name: str, most_bytes: int) -> _Found:
    order = ORDERS.get(content[HEADER - 2 : HEADER])
    if order is None:
        raise ValueError("it has not the header of a MATLAB 5 file")
    for kind, data in _elements(content[HEADER:], order):
        if kind == COMPRESSED:
            kind, data = next(_elements(_unpacked(data, most_bytes), order), (0, b""))
        if kind == MATRIX:
            parts = list(_elements(data, order))
            if len(parts) > 3 and parts[2] == (INT8, name.encode()):
                return _array(parts, order, name)
    raise ValueError(f"it has no array {name!r}")


def _values(found: _Found, name: str, dtype: str) -> NDArray[Any]:
    size = np.dtype(dtype).itemsize
    if min(found.shape) < 0 or size * math.prod(found.shape) != len(found.data):
        raise ValueError(f"{name!r} has shape {found.shape} and {len(found.data) // size} values")
    return np.frombuffer(found.data, dtype).reshape(found.shape, order="F")


def _array(parts: list[tuple[int, bytes]], order: str, name: str) -> _Found:
    """The parts of a matrix are flags (their lowest byte: the class), dimensions, name, values column by column."""
    (flags, about), (sizes, lengths), _, (values, data) = parts[:4]
    (first,) = struct.unpack(f"{order}I", about[:4])
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths)
    if (flags, sizes, len(parts)) != (UINT32, INT32, 4):
        raise ValueError(f"{name!r} is no array of uint8 or other real numbers")
    return _Found(first & 0xFF, values, order, shape, data)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and data of each element; up to four bytes of data may stand inside the tag, and 8 bytes are a step."""
    at = 0
    while at + 8 <= len(content):
        kind, size = struct.unpack_from(f"{order}2I", content, at)
        start = at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        if start + size > len(content) or (start < at + 8 and size > 4):
            raise ValueError(f"an element of {size} bytes goes beyond the end")
        yield kind, content[start : start + size]
        end = start + size
        at = max(at + 8, end if kind == COMPRESSED else end + -end % 8)


def _unpacked(data: bytes, most_bytes: int) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(data, most_bytes)
    if not stream.eof:
        raise ValueError(f"compressed data are cut off, or longer than {most_bytes:,} bytes")
    return content
