"""The MATLAB 5 files of Cars3D: read as scipy reads them, and refused where scipy would crash."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from benchmark.datasets import mat5
from benchmark.datasets.mat5 import uint8_array
from benchmark.store.arrays import UNREADABLE

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 2, 2), dtype=np.uint8)


def saved(compress=False, **arrays):
    file = io.BytesIO()
    savemat(file, arrays or {"other": np.arange(3.0), "im": IMAGE, "z": "text"}, do_compression=compress)
    return file.getvalue()


def element(order, kind, data):
    return struct.pack(f"{order}2I", kind, len(data)) + data + bytes(-len(data) % 8)


def by_hand(order):
    """What another machine, with the other order of bytes, would write."""
    parts = element(order, mat5.UINT32, struct.pack(f"{order}2I", mat5.BYTES, 0))
    parts += element(order, mat5.INT32, struct.pack(f"{order}5i", *IMAGE.shape))
    parts += struct.pack(f"{order}I", (2 << 16) | mat5.INT8) + b"im\0\0"  # short data stand in their tag
    parts += element(order, mat5.UINT8, IMAGE.tobytes(order="F"))
    mark = {"<": b"IM", ">": b"MI"}[order]
    return bytes(124) + struct.pack(f"{order}H", 0x100) + mark + element(order, mat5.MATRIX, parts)


@pytest.mark.parametrize(
    "content", [saved(), saved(True), by_hand("<"), by_hand(">")], ids=["plain", "packed", "<", ">"]
)
def test_arrays_are_those_that_were_saved(content):
    assert np.array_equal(uint8_array(content, "im"), IMAGE)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "header"),
        (b"junk" * 100, "header"),
        (saved(im=IMAGE.astype(float)), "no array of uint8"),
        (saved(im=[[1, 2]]), "no array of uint8"),
        (saved(im=np.array([[{}]], object)), "no array of uint8"),
        (saved(image=IMAGE), "no array 'im'"),
        (saved(im=IMAGE)[:-20], "beyond the end"),
        (saved(True, im=IMAGE)[:-20], "beyond the end"),
        (saved(im=IMAGE).replace(struct.pack("<5i", *IMAGE.shape), struct.pack("<5i", 9, 4, 3, 2, 2)), "240 values"),
        (saved(im=IMAGE).replace(struct.pack("<5i", *IMAGE.shape), struct.pack("<5i", -5, -4, 3, 2, 2)), "shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # its bytes hold the time at which it was made
)
def test_what_is_none_is_refused(content, problem):
    with pytest.raises(ValueError, match=problem):
        uint8_array(content, "im")


def test_a_bomb_is_refused(monkeypatch):
    monkeypatch.setattr(mat5, "MOST_BYTES", 1000)
    bomb = saved()[: mat5.HEADER] + element("<", mat5.COMPRESSED, zlib.compress(bytes(1_000_000)))
    with pytest.raises(ValueError, match="longer than 1,000 bytes"):
        uint8_array(bomb, "im")


@pytest.mark.parametrize("compress", [False, True])
def test_damaged_files_are_refused_or_read_and_nothing_else(compress):
    rng, content = np.random.default_rng(0), saved(compress)
    for _ in range(2000):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(120, min(300, len(damaged)), 4)] = rng.choice([0, 1, 14, 127, 128, 255], 4)
        try:
            assert uint8_array(damaged.tobytes(), "im").dtype == np.uint8
        except UNREADABLE:
            continue
