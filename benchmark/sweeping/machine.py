"""What this process may use of the machine: cores and memory that were allotted to it, a device for each worker."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from benchmark.config.plan import Plan, Settings
from benchmark.training.loading import load_dataset

OWN = 3 * 2**28  # bytes of a process with torch, a model, its optimiser, and metrics at work


def cores() -> int:
    """The cores that this process may use: its affinity, the quota of its container, the share that Slurm gave it."""
    from joblib import cpu_count  # knows affinity masks and the quotas of both versions of cgroups

    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(cpu_count(), int(allotted))) if allotted.isdecimal() else int(cpu_count())


def devices(name: str) -> list[str]:
    """The devices over which workers are spread: every GPU for auto and cuda, else the one that was named."""
    import torch

    count = torch.cuda.device_count()
    if count and name in ("auto", "cuda"):
        return [f"cuda:{i}" for i in range(count)]
    return [name]


def memory(root: Path = Path("/")) -> float:
    """Bytes that may still be taken, of the machine's and of the container's; infinite where nobody says."""
    found = [math.inf]
    with suppress(OSError, StopIteration, ValueError):
        lines = (root / "proc/meminfo").read_text().splitlines()
        found.append(1024.0 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))))
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            group = root / "sys/fs/cgroup"
            found.append(float(int((group / limit).read_text()) - int((group / used).read_text())))
    return max(min(found), 0.0)


def need_of(plan: Plan) -> int:
    """Bytes that a worker has to itself at most, roughly: libraries, a model and its metrics, examples that are scored
    as floats. The images of a data set are shared."""
    data = load_dataset(plan.dataset, plan.settings)
    return OWN + 4 * math.prod(data.shape) * sum(len(data.splits[split]) for split in ("probe", "test"))


def processes(settings: Settings, runs: int, need: int = 0) -> int:
    """How many workers so many runs get, never more than runs: as asked for, else one for each GPU, or as many as the
    cores have room for by their threads and the memory by what each of them needs."""
    chosen = devices(settings.device)
    if settings.workers is None and not chosen[0].startswith("cuda"):
        room = cores() // settings.threads
        if need * min(room, runs) > (free := memory()):
            room = int(free // need)
            print(
                f"note: {max(room, 1)} processes at once: each may need {need / 1e9:.1f} GB of {free / 1e9:.1f} GB free"
            )
        return max(1, min(room, runs))
    return min(settings.workers or len(chosen), max(runs, 1))


class Slots:
    """Numbers 0, 1, ... that processes hold, each the smallest that is free; a killed process frees its own."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.count = folder, count

    def take(self) -> tuple[int, BaseFileLock | None]:
        """A slot and the lock that holds it as long as it is referred to; slot 0 and None if all are taken."""
        for slot in range(self.count):
            lock = FileLock(self.folder / f"slot{slot}")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            return slot, lock
        return 0, None


def device_of_slot(chosen: Sequence[str], slot: int) -> str:
    """Workers take turns over the devices."""
    return chosen[slot % len(chosen)]
