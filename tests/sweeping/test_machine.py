"""What a process may use of a machine: cores that were allotted, a device for each worker, packages of ours."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from benchmark.config.components import ConfigurationError
from benchmark.config.plan import Settings
from benchmark.sweeping import machine
from benchmark.sweeping.machine import cores, devices, memory, need_of, trainers
from benchmark.training.loading import device_of
from tests.support.composing import compose


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity masks")
def test_only_the_cores_that_may_be_used_count():
    one = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{one}}}); from benchmark.sweeping.machine import cores; print(cores())"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"


def test_slurm_may_allot_fewer_cores(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "1")
    assert cores() == 1
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "9999")
    assert cores() < 9999


def workers(count, runs, device):
    return machine.processes(Settings(workers=count, device=device), runs)


def test_workers_are_as_many_as_cores_and_never_more_than_runs(monkeypatch):
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert [
        workers(None, 100, "auto"),
        workers(None, 3, "auto"),
        workers(5, 100, "cpu"),
    ] == [16, 3, 5]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert devices("auto") == devices("cuda") == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert devices("cuda:1") == ["cuda:1"]
    assert workers(None, 100, "cpu") == 16


@pytest.mark.parametrize(("gigabytes", "expected"), [(80, [16, 16, 3, 8]), (7, [4, 2, 3, 8]), (2, [4, 1, 3, 8])])
def test_workers_on_gpus_are_as_many_as_cores_and_their_memory_have_room_for(monkeypatch, gigabytes, expected):
    """One trains a stack on each, the others measure what was trained."""
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(machine, "gpu_memory", lambda name: gigabytes * 2**30)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    asked = [(None, 100, "auto"), (None, 100, "cuda:1"), (None, 3, "auto"), (8, 100, "cuda")]
    assert [workers(*given) for given in asked] == expected
    assert [trainers(Settings(device=name), 16) for name in ("auto", "cuda:1", "cpu")] == [4, 1, 16]


def test_workers_are_as_many_as_cores_and_memory_have_room_for(monkeypatch, capsys):
    monkeypatch.setattr(machine, "cores", lambda: 16)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(machine, "memory", lambda: 4.5e9)
    for threads, need, expected in ((1, 0, 16), (3, 0, 5), (32, 0, 1), (1, 10**9, 4), (4, 10**9, 4), (1, 10**10, 1)):
        assert machine.processes(Settings(threads=threads), 100, need) == expected
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "note: 4 processes at once: each may need 1.0 GB of 4.5 GB free",
        "note: 1 processes at once: each may need 10.0 GB of 4.5 GB free",
    ]
    assert machine.processes(Settings(workers=9), 100, 10**10) == 9  # whoever asks knows better
    assert machine.processes(Settings(), 3, 10**9) == 3


def test_memory_is_the_least_that_anybody_allows(tmp_path):
    assert memory(tmp_path) == float("inf")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert memory(tmp_path) == 8000 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000\n")
    (group / "memory.max").write_text("max\n")
    assert memory(tmp_path) == 8000 * 1024
    (group / "memory.max").write_text("5000\n")
    assert memory(tmp_path) == 4000


def test_what_a_worker_needs_grows_with_the_examples_that_are_scored():
    small, large = (
        need_of(compose(["dataset=digits", f"dataset.test={count}", "dataset.probe_train=300"])) for count in (100, 300)
    )
    assert large - small == 4 * 64 * 200


@pytest.mark.parametrize("name", ["mps", "mps:0"])
def test_a_device_without_double_precision_is_refused_by_name(name):
    with pytest.raises(ConfigurationError, match=rf"^device={name}: it has no double precision"):
        device_of(name)
