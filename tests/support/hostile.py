"""Bytes of files that nobody should trust: npz archives with forged headers, locked, damaged or not what they say."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

import numpy as np

LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def npy(array, **header) -> bytes:
    """An .npy of the array whose header says something else: `shape`, `descr` or `fortran_order`, or `text` whole."""
    array = np.asarray(array)
    told = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **header}
    text = told.pop("text", None) or repr(told)
    line = text.encode("latin1").ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(line)) + line + array.tobytes()


def npz(members: Mapping[str, object], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of arrays, or of bytes where a member has some already."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            name = name if "." in name else f"{name}.npy"
            entry = zipfile.ZipInfo(name)  # without the date
            entry.compress_type = method
            archive.writestr(entry, content if isinstance(content, bytes) else npy(content))
    return file.getvalue()


def patched(content: bytes, local: int, central: int, value: int, kind: str = "<H") -> bytes:
    """The archive with a number in every local header and in every entry of its directory overwritten."""
    out = bytearray(content)
    for mark, offset in ((LOCAL, local), (CENTRAL, central)):
        at = content.find(mark)
        while at >= 0:
            struct.pack_into(kind, out, at + offset, value)
            at = content.find(mark, at + 4)
    return bytes(out)


def encrypted(content: bytes) -> bytes:
    """The archive whose members say that a password is needed."""
    return patched(content, 6, 8, 1)


def of_method(content: bytes, method: int) -> bytes:
    """The archive whose members say that they are compressed in another way."""
    return patched(content, 8, 10, method)


def scratched(content: bytes, start: float = 0.4, length: int = 30) -> bytes:
    """The bytes with a stretch overwritten that begins at that share of them."""
    at = int(start * len(content))
    return content[:at] + b"\xaa" * length + content[at + length :]
