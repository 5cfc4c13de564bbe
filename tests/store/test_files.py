"""Disks that are full, read-only or without locks: one line says so, and what can be read is read."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from benchmark.evaluate import main as evaluate
from benchmark.experiment import execute
from benchmark.report import main as report
from benchmark.store import files
from benchmark.store import lock as claim
from benchmark.store.files import Unwritable, remove_leftovers, write_text
from benchmark.store.lock import Busy, NoLocks, claimed
from benchmark.store.record import write_record
from benchmark.sweeping.sweep import perform_all
from metrics.core import Score
from tests.support.choices import CONF
from tests.support.records import record

HOLD = """
import sys, time
from pathlib import Path
import fcntl
if sys.argv[2] == "soft":
    def flock(*_):
        raise OSError(38, "Function not implemented")
    fcntl.flock = flock
from benchmark.store import lock as claim
claim.LEASE_SECONDS = float(sys.argv[3])
with claim.claimed(Path(sys.argv[1]), wait=False):
    print("held", flush=True)
    time.sleep(600)
"""


def refuse(monkeypatch, number, where=""):
    """A disk that refuses new files below `where`: whoever runs the tests may be allowed everything."""
    make, mkdir, opened = files.tempfile.mkstemp, Path.mkdir, os.open

    def refused(path):
        if str(path).startswith(str(where)):
            raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(files.tempfile, "mkstemp", lambda dir, **more: refused(dir) or make(dir=dir, **more))
    if number == errno.EROFS:
        new = os.O_CREAT | os.O_RDWR | os.O_WRONLY
        monkeypatch.setattr(Path, "mkdir", lambda self, *a, **k: None if self.is_dir() else refused(self) or mkdir(self, *a, **k))  # fmt: skip # noqa: E501
        monkeypatch.setattr(os, "open", lambda path, flags, *a, **k: (flags & new and refused(path)) or opened(path, flags, *a, **k))  # fmt: skip # noqa: E501


@pytest.fixture
def folder(tmp_path):
    write_record(tmp_path / "demo" / "runs" / "a", record(scores=[Score("rate", 1.0, unit="nats")]))
    return tmp_path / "demo"


def test_a_full_disk_is_one_line_and_leaves_nothing(folder, monkeypatch, capsys):
    refuse(monkeypatch, errno.ENOSPC)
    assert report([str(folder)]) == 2
    out, error = capsys.readouterr()
    assert "rate" in out  # what it says is printed before it is written
    assert error.startswith(f"error: cannot write {folder}/")
    assert "No space left on device; make room there, or name another folder with results_dir=<folder>" in error
    assert error.count("\n") == 1
    assert {path.name for path in folder.iterdir()} == {"runs"}


def test_a_write_that_fails_in_the_middle_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.txt", "old")

    def half(file):
        file.write(b"new")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(Unwritable, match=r"cannot write .*a\.txt: No space left on device; make room"):
        files.write_atomically(tmp_path / "a.txt", half)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_report_of_a_read_only_folder_is_printed(folder, monkeypatch, capsys):
    refuse(monkeypatch, errno.EROFS, folder)
    assert report([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "rate" in out
    assert f"note: nothing is written: {folder}/runs: Read-only file system" in out


def test_a_finished_run_in_a_read_only_folder_is_read(plan_of_run, tmp_path, tmp_path_factory, monkeypatch, capsys):
    plan = plan_of_run("metrics=[linear_probe]")
    first = execute(plan)
    refuse(monkeypatch, errno.EROFS, tmp_path)
    assert execute(plan) == first
    assert perform_all([plan]) == []
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "scores.json"
    assert evaluate([str(plan.folder), "metrics=[linear_probe]", f"--output={elsewhere}"]) == 0
    assert elsewhere.exists()
    out = capsys.readouterr().out
    assert "linear_probe_accuracy" in out
    assert "note: nothing is written: " in out
    with pytest.raises(Unwritable, match=r"cannot write .*: Read-only file system; .* results_dir=<folder>"):
        execute(plan_of_run("metrics=[linear_probe,information]"))


def test_a_run_on_a_full_disk_says_what_is_wrong(plan_of_run, monkeypatch):
    plan = plan_of_run()
    refuse(monkeypatch, errno.ENOSPC)
    with pytest.raises(Unwritable, match=r"cannot write .*history\.csv: No space left on device"):
        execute(plan)


def test_leftovers_of_killed_writers_are_removed(plan_of_run, folder):
    plan = plan_of_run()
    plan.folder.mkdir(parents=True)
    for path in (plan.folder / ".record.json.x.tmp", folder / ".leaderboard.md.x.tmp"):
        path.touch()
    execute(plan)
    report([str(folder)])
    assert not [*plan.folder.glob("*.tmp"), *folder.glob("*.tmp")]
    remove_leftovers(folder / "nowhere")


def hold(folder, kind, seconds=60.0):
    """A process that holds the folder."""
    command = [sys.executable, "-c", HOLD, folder, kind, str(seconds)]
    held = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CONF.parent)
    assert held.stdout.readline() == "held\n"
    return held


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_a_lock_is_freed_when_its_holder_is_killed(tmp_path, monkeypatch, kind):
    if kind == "soft":
        without_locks(monkeypatch, errno.ENOSYS)
    held = hold(tmp_path, kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoLocks)
            with pytest.raises(Busy), claimed(tmp_path, wait=False):
                pass
            held.send_signal(signal.SIGKILL)
            held.wait()
            with claimed(tmp_path, wait=True), pytest.raises(Busy), claimed(tmp_path, wait=False):
                pass
            with claimed(tmp_path, wait=False):
                pass
    finally:
        held.kill()


def without_locks(monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_once(tmp_path, monkeypatch, number):
    without_locks(monkeypatch, number)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for name in ("a", "b", "b"):
            with claimed(tmp_path / name, wait=False):
                assert (tmp_path / name / ".claim.lease").exists()
            assert not (tmp_path / name / ".claim.lease").exists()
    assert [one.category for one in told] == [NoLocks]
    assert str(tmp_path) in str(told[0].message)


def test_a_lease_of_another_machine_ends_without_a_sign_of_life(tmp_path, monkeypatch):
    without_locks(monkeypatch, errno.ENOSYS)
    monkeypatch.setattr(claim, "LEASE_SECONDS", 0.5)
    held = hold(tmp_path, "soft", 0.5)
    held.send_signal(signal.SIGKILL)
    held.wait()
    marker = tmp_path / ".claim.lease"
    there = marker.read_text().replace(f"host={socket.gethostname()}", "host=elsewhere")
    assert "elsewhere" in there
    marker.write_text(there)
    with pytest.warns(NoLocks), pytest.raises(Busy), claimed(tmp_path, wait=False):
        pass
    with pytest.warns(NoLocks), claimed(tmp_path, wait=True):
        pass
