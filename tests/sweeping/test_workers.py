"""Worker processes that are killed, orphaned or interrupted at the worst moment, which is while they import."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from benchmark.store.record import FILE, read_record
from benchmark.sweeping import interrupts, workers
from benchmark.sweeping.prepare import prepare
from benchmark.sweeping.workers import perform
from benchmark.training.progress import bar
from tests.support.choices import CONF
from tests.support.composing import compose

CHEAP = ("dataset=digits", "model=pca", "metrics=[rate_distortion]")
proc = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into processes by /proc")


def plans_of(tmp_path, cache_dir, seeds):
    folders = (f"results_dir={tmp_path}", f"cache_dir={cache_dir}")
    return prepare([compose([*CHEAP, *folders, f"seed={seed}"]) for seed in range(seeds)])


@contextlib.contextmanager
def killing_first_children(count: int):
    """Kills the next `count` worker processes as soon as each is there; says at the end whether all were."""
    killed: set[int] = set()
    over = threading.Event()

    def kill() -> None:
        while len(killed) < count and not over.is_set():
            for child in multiprocessing.active_children():
                if child.pid and child.pid not in killed and len(killed) < count:
                    killed.add(child.pid)
                    os.kill(child.pid, signal.SIGKILL)
            time.sleep(0.005)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        over.set()  # the workers of other tests are to live
        thread.join()


def test_a_worker_killed_while_it_imports_costs_nothing(tmp_path, cache_dir):
    plans = plans_of(tmp_path, cache_dir, 3)
    with killing_first_children(1) as killed:
        assert perform(plans, 2) == []
    assert len(killed) == 1
    assert [read_record(plan.folder).status for plan in plans] == ["finished"] * 3


def test_workers_that_never_start_end_the_sweep(tmp_path, cache_dir, monkeypatch):
    monkeypatch.setattr(workers, "ATTEMPTS", 2)
    plans = plans_of(tmp_path, cache_dir, 1)
    with killing_first_children(20) as killed:
        [failed] = perform(plans, 1)
    assert "no worker process lived through its start" in failed.error
    assert read_record(plans[0].folder).status == "failed"
    assert 2 <= len(killed) < 20


def test_a_pool_that_breaks_while_it_is_asked_is_not_waited_for(tmp_path, cache_dir):
    """A task that was put in after the pool's threads had ended is never answered."""

    class Broken:
        active = False

        def schedule(self, function, args):
            return Future()

    plans = plans_of(tmp_path, cache_dir, 2)
    assert workers._watch(Broken(), plans, 1, bar(2, "runs", "run"), []) == plans


@pytest.mark.parametrize("stack", [1, 2])
def test_a_broken_pool_takes_nothing_and_nothing_is_lost(tmp_path, cache_dir, stack):
    """Also what waits for a device that a stack had which was never begun."""

    class Broken:
        active = False

        def schedule(self, function, args):
            raise RuntimeError("the pool is broken")

    trained = ["objective=beta_vae", "trainer.steps=2", f"trainer.stack={stack}"]
    folders = (f"results_dir={tmp_path}", f"cache_dir={cache_dir}")
    plans = prepare([compose(["dataset=digits", *trained, *folders, f"seed={seed}"]) for seed in range(6)])
    left = workers._watch(Broken(), plans, 1, bar(6, "runs", "run"), [])
    assert sorted(plan.folder for plan in left) == sorted(plan.folder for plan in plans)


def children(parent: int) -> list[int]:
    """Worker processes of a driver."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ancestor = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if ancestor == parent and b"spawn_main" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def until(condition, seconds: float = 120):
    deadline = time.time() + seconds
    while not (found := condition()):
        assert time.time() < deadline
        time.sleep(0.01)
    return found


def driver(tmp_path, cache_dir, *arguments):
    command = [sys.executable, "-m", "benchmark", *arguments, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CONF.parent)


@proc
def test_no_orphan_performs_a_run(tmp_path, cache_dir):
    process = driver(tmp_path, cache_dir, "-m", *CHEAP, "seed=0,1")
    orphans = until(lambda: children(process.pid))
    process.kill()
    process.communicate()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    assert not list(tmp_path.rglob(FILE))


@proc
@pytest.mark.parametrize("library", ["_multiarray_umath", "torch/lib"])
def test_ctrl_c_during_imports(tmp_path, cache_dir, library):
    process = driver(tmp_path, cache_dir, *CHEAP)
    opened = Path(f"/proc/{process.pid}/maps")
    until(lambda: process.poll() is not None or library in opened.read_text())
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == interrupts.INTERRUPTED
    assert (out, error) == ("", "")


def swallow():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return


def test_a_swallowed_ctrl_c_ends_in_130_all_the_same():
    with pytest.raises(SystemExit) as ended, interrupts.exiting():
        swallow()
    assert ended.value.code == interrupts.INTERRUPTED
    before = signal.getsignal(signal.SIGINT)
    with interrupts.exiting():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_an_import_that_swallows_it_ends_at_once(tmp_path):
    lines = ("import signal", "try:", "    signal.raise_signal(signal.SIGINT)", "except BaseException:", "    pass")
    (tmp_path / "swallowing.py").write_text("\n".join([*lines, "print('survived', flush=True)"]))
    code = "from benchmark.sweeping import interrupts\nwith interrupts.exiting():\n    import swallowing"
    paths = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{CONF.parent}"}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | paths, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (interrupts.INTERRUPTED, "", "")
