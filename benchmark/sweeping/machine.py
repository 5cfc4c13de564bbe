"""What this process may use of the machine: cores that were allotted to it, a device for each of several workers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from benchmark.config.plan import Settings


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


def processes(settings: Settings, runs: int) -> int:
    """How many workers so many runs get: as asked for, else one for each GPU or for each core; never more than runs."""
    chosen = devices(settings.device)
    own = len(chosen) if chosen[0].startswith("cuda") else cores()
    return min(settings.workers or own, max(runs, 1))


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
