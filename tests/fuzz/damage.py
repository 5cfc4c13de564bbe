"""Ways to damage files: any bytes, what .gz, .tar.gz and .npz hold, and arrays that are not what they should be."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np

from tests.support.hostile import encrypted, npy, npz, of_method, patched

ODD_BYTES = np.array([0, 1, 2, 14, 32, 39, 40, 127, 128, 255], np.uint8)
ODD_NUMBERS = (0, 1, 0xFFFF, 0x7FFF, 0x8000, 6)
FIELDS = (
    (4, 6),
    (6, 8),
    (8, 10),
    (14, 16),
    (18, 20),
    (20, 22),
    (22, 24),
    (24, 26),
    (26, 28),
    (28, 30),
)  # of an archive
SHAPES = ((10**12, 3), (2**63, 2), (-1, 3), (), (0,), (10**12, 0), (60,), (3, 60), (True, 3), (59, 3), (1,) * 70)
TYPES = ("|O", "<U0", "<f4", ">f8", "<U100000000", "<c16", "|V8", "<M8[s]", "no type", "|S0", [["x", "<f8"]])
TEXTS = (
    "",
    "{",
    "None",
    "7",
    "[1]",
    "{'descr': 1}",
    "(" * 100,
    "'a' * 10**9",
    "{'shape': (1, 2), 'descr': '<f8'}",
    "\xff",
)


def bytes_of(content: bytes, rng: np.random.Generator, head: int = 1 << 62) -> bytes:
    """Some bytes among the first `head` flipped, cut, put in, zeroed, moved, or all of them replaced."""
    end = min(head, len(content))
    at, length = int(rng.integers(0, max(end, 1))), int(rng.integers(1, 40))
    odd = rng.choice(ODD_BYTES, length).tobytes()
    flipped = np.frombuffer(content, np.uint8).copy()
    if end:
        flipped[rng.integers(0, end, 4)] = rng.choice(ODD_BYTES, 4)
    return [
        lambda: flipped.tobytes(),
        lambda: content[:at] + odd + content[at + length :],
        lambda: content[:at] + odd + content[at:],
        lambda: content[:at],
        lambda: content[:at] + content[at + length :],
        lambda: content[:at] + bytes(length) + content[at + length :],
        lambda: content[at:] + content[:at],
        lambda: content + odd,
        lambda: b"",
        lambda: odd,
    ][rng.integers(0, 10)]()


def packed(content: bytes, rng: np.random.Generator, head: int) -> bytes:
    """What a .gz holds, damaged among its first bytes."""
    return gzip.compress(bytes_of(gzip.decompress(content), rng, head), 1, mtime=0)


def members(content: bytes) -> dict[str, bytes]:
    """The files of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def header(content: bytes, rng: np.random.Generator) -> bytes:
    """An .npz, one of whose arrays has another header: a false shape, type or order, or text that is none."""
    held = members(content)
    name = str(rng.choice(sorted(held)))
    array = np.frombuffer(held[name][128:], np.uint8)
    shape, kind, text = (ways[rng.integers(0, len(ways))] for ways in (SHAPES, TYPES, TEXTS))
    changed = [
        lambda: npy(array, shape=shape),
        lambda: npy(array, descr=kind),
        lambda: npy(array, descr=kind, shape=shape, fortran_order=True),
        lambda: npy(array, text=text),
        lambda: bytes_of(held[name], rng, 128),
    ][rng.integers(0, 5)]()
    method = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]))
    return npz({**held, name: changed}, method)


def archive(content: bytes, rng: np.random.Generator) -> bytes:
    """An .npz whose entries say something else, or that is packed in another way and then damaged."""
    method = int(rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]))
    local, central = FIELDS[rng.integers(0, len(FIELDS))]
    return [
        lambda: encrypted(content),
        lambda: of_method(content, int(rng.choice([1, 6, 9, 12, 14, 93, 97, 99]))),
        lambda: patched(content, local, central, int(rng.choice(ODD_NUMBERS))),
        lambda: patched(content, local, central, 0xFFFFFFFF, "<I"),
        lambda: bytes_of(npz(members(content), method), rng),
        lambda: npz({**members(content), "notes.txt": b"hello"}),
        lambda: npz({f"folder/{name}": held for name, held in members(content).items()}),
    ][rng.integers(0, 7)]()


def arrays(content: bytes, rng: np.random.Generator) -> bytes:
    """An .npz, one of whose arrays is missing, of another type or shape, or has values that cannot be."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        held = dict(file)
    name = str(rng.choice(sorted(held)))
    array = held.pop(name)
    numeric = array.astype(float) if array.dtype.kind in "fiub" else np.arange(array.size, dtype=float)
    changed = [
        lambda: {},
        lambda: {"more": array},
        lambda: {name: array.astype(object)},
        lambda: {name: numeric.astype(rng.choice(["c16", "f2", ">f4", "g", "?", "i1", "U9", "S2", "M8[s]"]))},
        lambda: {name: array[:-1]},
        lambda: {name: array[:0]},
        lambda: {name: array.ravel()},
        lambda: {name: array.T},
        lambda: {name: array[..., None]},
        lambda: {name: array.ravel()[0]},
        lambda: {name: numeric * rng.choice([np.nan, np.inf, 1e300, 1e-300, 0, -1, 0.5])},
        lambda: {name: np.zeros(array.shape, [("x", float)])},
        lambda: {name: np.full(array.shape, rng.choice(["", "a\n", "\ud800", "x" * 5000]))},
        lambda: {name: np.asfortranarray(array), f"{name}_of": array},
    ][rng.integers(0, 14)]()
    file = io.BytesIO()
    np.savez(file, allow_pickle=True, **held, **changed)
    return file.getvalue()
