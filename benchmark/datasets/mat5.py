"""One array of bytes out of a MATLAB 5 file: a parser of a few lines that damaged files cannot crash.

`scipy.io.loadmat` follows the sizes that a file states, and damaged ones end it by a segmentation fault. A file is a
header of 128 bytes and elements: type, number of bytes, data; an element may hold one other in compressed form
(MAT-File Format, The MathWorks, chapter 1).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

HEADER = 128  # bytes, of which the last two tell the order of all others
ORDERS = {b"IM": "<", b"MI": ">"}
INT8, UINT8, INT32, UINT32, MATRIX, COMPRESSED = 1, 2, 5, 6, 14, 15  # types of elements
BYTES = 9  # the class of an array of uint8
MOST_BYTES = 64_000_000  # of one array, unpacked


def uint8_array(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array of uint8 with that name; ValueError, struct.error or zlib.error where there is none."""
    order = ORDERS.get(content[HEADER - 2 : HEADER])
    if order is None:
        raise ValueError("it has not the header of a MATLAB 5 file")
    for kind, data in _elements(content[HEADER:], order):
        if kind == COMPRESSED:
            kind, data = next(_elements(_unpacked(data), order), (0, b""))
        if kind == MATRIX:
            parts = list(_elements(data, order))
            if len(parts) > 3 and parts[2] == (INT8, name.encode()):
                return _array(parts, order, name)
    raise ValueError(f"it has no array {name!r}")


def _array(parts: list[tuple[int, bytes]], order: str, name: str) -> NDArray[np.uint8]:
    """The parts of a matrix are flags (their lowest byte: the class), dimensions, name, values column by column."""
    (flags, about), (sizes, lengths), _, (values, data) = parts[:4]
    (first,) = struct.unpack(f"{order}I", about[:4])
    shape = struct.unpack(f"{order}{len(lengths) // 4}i", lengths)
    if (flags, sizes, values, first & 0xFF, len(parts)) != (UINT32, INT32, UINT8, BYTES, 4):
        raise ValueError(f"{name!r} is no array of uint8")
    if min(shape) < 0 or math.prod(shape) != len(data):
        raise ValueError(f"{name!r} has shape {shape} and {len(data)} values")
    return np.frombuffer(data, np.uint8).reshape(shape, order="F")


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


def _unpacked(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    content = stream.decompress(data, MOST_BYTES)
    if not stream.eof:
        raise ValueError(f"compressed data are cut off, or longer than {MOST_BYTES:,} bytes")
    return content
