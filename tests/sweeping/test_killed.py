"""What a sweep loses where a run raises, a worker is killed hard, or all of it is: nothing that was finished."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

from benchmark.experiment import execute
from benchmark.store.record import FILE, read_record
from benchmark.sweeping.prepare import prepare
from benchmark.sweeping.sweep import perform_all
from benchmark.training.loading import with_data
from tests.support.choices import TINY
from tests.support.composing import compose

SMALL = (
    "model.encoder_hidden=[8]",
    "model.decoder_hidden=[8]",
    "metrics=[rate_distortion]",
    "metrics.rate_distortion.num_samples=2",
)


def content(folder):
    return json.loads((folder / FILE).read_text())


def several(plan_of_run, count, *overrides):
    return [plan_of_run(f"seed={seed}", "workers=2", *SMALL, *overrides) for seed in range(count)]


def test_a_run_that_raises_among_ten_costs_itself_only(plan_of_run, capsys):
    plans = several(plan_of_run, 10)
    plans[3] = plan_of_run("seed=3", *SMALL, "trainer.learning_rate=1e30")
    failures = perform_all(prepare(plans))
    assert [failure.plan.settings.seed for failure in failures] == [3]
    statuses = [read_record(plan.folder).status for plan in plans]
    assert statuses.count("finished") == 9
    capsys.readouterr()
    perform_all(prepare([plan for plan in plans if plan is not plans[3]]))
    assert "9 finished, 0 to do" in capsys.readouterr().out


def test_a_worker_killed_hard_costs_its_own_run_only(plan_of_run):
    plans = prepare(several(plan_of_run, 4, "trainer.steps=400"))
    killed = []

    def kill_one() -> None:
        while not killed:  # wait until a run is under way, then kill the worker that is at one
            time.sleep(0.05)
            children = [child for child in multiprocessing.active_children() if child.pid]
            if any((plan.folder / FILE).exists() for plan in plans) and children:
                killed.append(children[0].pid)
                os.kill(children[0].pid, signal.SIGKILL)

    thread = threading.Thread(target=kill_one, daemon=True)
    thread.start()
    failures = perform_all(plans)
    thread.join(5)
    assert len(failures) == 1
    assert "worker process died" in failures[0].error
    statuses = [read_record(plan.folder).status for plan in plans]
    assert (statuses.count("finished"), statuses.count("failed")) == (3, 1)
    assert perform_all(plans) == []


def command(tmp_path, cache_dir, *arguments):
    return [sys.executable, "-m", "benchmark", *arguments, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]


def test_killed_in_the_middle_and_started_again(tmp_path, cache_dir):
    chosen = (*TINY[:-1], *SMALL, "trainer.steps=400")
    whole = [f"results_dir={tmp_path / 'whole'}", f"cache_dir={cache_dir}"]
    for seed in range(4):
        execute(with_data(compose([*chosen, f"seed={seed}", *whole])))
    torn = command(tmp_path / "torn", cache_dir, "-m", *chosen, "seed=0,1,2,3")
    process = subprocess.Popen(torn, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.time() + 300  # a machine may be busy
    while not list((tmp_path / "torn").rglob(FILE)) and time.time() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in (tmp_path / "torn").rglob(FILE)}
    assert 0 < len(done) < 4
    again = subprocess.run(torn, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"4 runs: {len(done)} finished" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in done} == done
    for path in (tmp_path / "whole").rglob(FILE):
        twin = tmp_path / "torn" / path.relative_to(tmp_path / "whole")
        assert content(twin.parent)["scores"] == content(path.parent)["scores"]
