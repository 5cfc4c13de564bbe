"""Arrays in the cache: made once, whole or not at all, and again when damaged."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from benchmark.datasets import Paths
from benchmark.datasets.cache import cached_array
from benchmark.datasets.digits import mnist5k
from tests.support.choices import ROOT
from tests.support.hostile import npy, npz


def numbers(seen):
    def chunks():
        seen.append(1)
        yield np.arange(60, dtype=np.int32).reshape(20, 3)
        yield np.arange(30, dtype=np.int32).reshape(10, 3)

    return chunks


def test_cached_arrays_are_made_once(tmp_path):
    path, seen = tmp_path / "deep/numbers.npy", []
    for _ in range(3):
        array = cached_array(path, (30, 3), np.int32, numbers(seen))
        assert array[20:].ravel().tolist() == list(range(30))
    assert len(seen) == 1
    assert np.array_equal(np.load(path, allow_pickle=False), array)
    assert not array.flags.writeable
    assert not list(path.parent.glob("*.tmp"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content[:200],
        lambda content: b"",
        lambda content: b"junk" * 200,
        lambda content: content[:150] + bytes([content[150] ^ 1]) + content[151:],
        lambda content: content + b"x",
        lambda content: npz({"numbers": np.zeros(3)}),
        lambda content: npy(np.zeros(3), shape=(10**12, 3)),
        lambda content: npy(np.zeros(3), text="{'descr': '<i4', 'fortran_order': False, 'shape': (30, 3"),
        lambda content: npy(np.zeros(3), text="7"),
        lambda content: npy(np.zeros(3), descr=[["x"]]),
        lambda content: content.replace(b"(30, 3)", b"(-3, 3)"),
    ],
)
def test_damaged_cached_arrays_are_made_again(tmp_path, caplog, damage):
    path, seen = tmp_path / "numbers.npy", []
    cached_array(path, (30, 3), np.int32, numbers(seen))
    path.write_bytes(damage(path.read_bytes()))
    array = cached_array(path, (30, 3), np.int32, numbers(seen))
    assert array[20:].ravel().tolist() == list(range(30))
    assert len(seen) == 2
    assert "damaged" in caplog.text


def test_a_pickle_in_the_cache_is_not_opened(tmp_path, caplog):
    path, seen = tmp_path / "numbers.npy", []
    np.save(path, np.array([{"a": 1}] * 30), allow_pickle=True)
    cached_array(path, (30, 3), np.int32, numbers(seen))
    assert seen == [1]


def test_many_at_once_make_it_once(tmp_path):
    path, seen, arrays = tmp_path / "numbers.npy", [], []
    work = lambda: arrays.append(cached_array(path, (30, 3), np.int32, numbers(seen)))  # noqa: E731
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arrays) == 8
    assert all(np.array_equal(array, arrays[0]) for array in arrays)
    assert len(seen) == 1 or os.name == "nt"


MAKE = """
import os, sys, time
from pathlib import Path
import numpy as np
from benchmark.datasets.cache import cached_array
from tests.support.choices import ROOT

def chunks():
    Path(sys.argv[1], f"made-{os.getpid()}").touch()
    time.sleep(0.5)
    yield np.arange(90, dtype=np.int32).reshape(30, 3)

print(cached_array(Path(sys.argv[1]) / "numbers.npy", (30, 3), np.int32, chunks).sum())
"""


@pytest.mark.skipif(os.name == "nt", reason="both may make it there")
def test_two_processes_at_once_make_it_once(tmp_path):
    call = [sys.executable, "-c", MAKE, str(tmp_path)]
    both = [subprocess.Popen(call, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in both] == [str(sum(range(90)))] * 2
    assert len(list(tmp_path.glob("made-*"))) == 1


def test_what_a_killed_process_left_is_removed(tmp_path):
    left, other = tmp_path / ".numbers.npy.x1.tmp", tmp_path / ".more.npy.x1.tmp"
    left.touch()
    other.touch()
    cached_array(tmp_path / "numbers.npy", (30, 3), np.int32, numbers([]))
    assert other.exists()
    assert left.exists() == (os.name == "nt")


def test_a_folder_in_the_place_of_a_file_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "numbers.npy"
    path.mkdir()
    with pytest.raises(ValueError, match=rf"cannot write to the cache .*: {path}\); set cache_dir"):
        cached_array(path, (30, 3), np.int32, numbers([]))


def test_a_failure_leaves_nothing_behind(tmp_path):
    def broken():
        yield np.zeros((20, 3), np.int32)
        raise OSError(28, "No space left on device")

    with pytest.raises(ValueError, match=r"cannot write to the cache .*No space left.*set cache_dir"):
        cached_array(tmp_path / "numbers.npy", (30, 3), np.int32, broken)
    assert not [path for path in tmp_path.iterdir() if not path.name.endswith(".lock")]


def test_a_cache_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot write to the cache .*file.*set cache_dir"):
        mnist5k(Paths(None, tmp_path / "file"))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="folders are not read-only for root")
def test_a_read_only_cache_serves_what_it_has(tmp_path):
    cached_array(tmp_path / "numbers.npy", (30, 3), np.int32, numbers([]))
    tmp_path.chmod(0o500)
    try:
        cached_array(tmp_path / "numbers.npy", (30, 3), np.int32, numbers([]))
        with pytest.raises(ValueError, match="cannot write to the cache"):
            cached_array(tmp_path / "other.npy", (30, 3), np.int32, numbers([]))
    finally:
        tmp_path.chmod(0o700)
