"""Files of arrays read back: what is damaged or forged is refused in one line, before memory is asked for."""

from __future__ import annotations

import io
import os
import tracemalloc
import zipfile

import numpy as np
import pytest

from benchmark.store import arrays
from benchmark.store.arrays import UnreadableError, read_arrays
from tests.support.hostile import encrypted, npy, npz, of_method, scratched

CODES = np.random.default_rng(0).standard_normal((300, 3))
HUGE = 10**12
REFUSED = {
    "password": encrypted(npz({"a": CODES})),
    "unknown method 97": of_method(npz({"a": CODES}), 97),
    "a.npy": scratched(npz({"a": CODES})),
    "Corrupt input data": scratched(npz({"a": CODES}, zipfile.ZIP_LZMA)),
    "Invalid data stream": scratched(npz({"a": CODES}, zipfile.ZIP_BZIP2)),
    "states 24,000,000,000,000": npz({"a": npy(CODES, shape=(HUGE, 3))}),
    "states 7,176": npz({"a": npy(CODES, shape=(299, 3))}),
    "has shape (-300, -3)": npz({"a": npy(CODES, shape=(-300, -3))}),
    "shape (1000000000000,)": npz({"a": npy(CODES[:0, 0], descr="<U0", shape=(HUGE,))}),
    "holds Python objects": npz({"a": npy(CODES, descr="|O")}),
    "'notes.txt' is no array": npz({"a": CODES, "notes.txt": b"hello"}),
    "magic string": npz({"a": b"no array at all"}),
    "is no npz file (": npz({"a": npy(CODES, text="{'descr': '<f8', 'fortran_order': False, 'shape': (300, 3")}),
    "is no npz file (EOF": npz({"a": b"\x93NUMPY\1\0v"}),
    "is no npz file (File is not a zip file)": npy(CODES),
    "not a zip file)": b"",
}


@pytest.mark.parametrize("why", REFUSED, ids=str)
def test_what_is_no_npz_is_refused_in_one_line_with_its_path(tmp_path, why):
    path = tmp_path / "bad.npz"
    path.write_bytes(REFUSED[why])
    with pytest.raises(UnreadableError) as caught:
        read_arrays(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is no npz file (")
    assert why in message
    assert message.endswith("; save plain numeric arrays with numpy.savez")
    assert "\n" not in message


@pytest.mark.parametrize("forged", [npy(CODES, shape=(HUGE, 3)), npy(np.zeros((500_000, 10)))], ids=["header", "bomb"])
def test_no_memory_is_asked_for_on_the_word_of_a_header_or_by_a_bomb(tmp_path, monkeypatch, forged):
    monkeypatch.setattr(arrays, "MOST_BYTES", 30_000_000)
    (tmp_path / "bad.npz").write_bytes(npz({"a": forged}))
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableError):
            read_arrays(tmp_path / "bad.npz")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", arrays.METHODS)
def test_every_honest_file_is_read(tmp_path, method):
    honest = {
        "rows": CODES,
        "columns": np.asfortranarray(CODES),
        "big": CODES.astype(">f8"),
        "half": CODES.astype(np.float16),
        "names": np.array(["a", "b"]),
        "none": np.array((), dtype=np.str_),
    }
    members = {name: _saved(array) for name, array in honest.items()}
    (tmp_path / "good.npz").write_bytes(npz(members, method))
    found = read_arrays(tmp_path / "good.npz")
    assert list(found) == list(honest)
    assert all(np.array_equal(found[name], array) for name, array in honest.items())
    assert list(read_arrays(tmp_path / "good.npz", ["half"])) == ["half"]


def _saved(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_pipes_and_folders_are_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "pipe.npz", tmp_path):
        with pytest.raises(UnreadableError, match="no regular file"):
            read_arrays(path)
    with pytest.raises(UnreadableError, match=r"absent.npz is no npz file \(No such file"):
        read_arrays(tmp_path / "absent.npz")
