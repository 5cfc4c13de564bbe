"""What this process may use of the machine: cores and memory that were allotted to it, devices."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from benchmark.config.plan import Plan, Settings
from benchmark.training.loading import load_dataset

OWN = 3 * 2**28  # bytes of a process with torch, a model, its optimiser, and metrics at work
OF_A_GPU = 3 * 2**30  # bytes of a GPU that a process needs: its context, a model, what decoding a block of images takes


def cores() -> int:
    """The cores that this process may use: its affinity, the quota of its container, the share that Slurm gave it."""
    from joblib import cpu_count  # knows affinity masks and the quotas of both versions of cgroups

    allotted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(cpu_count(), int(allotted))) if allotted.isdecimal() else int(cpu_count())


def devices(name: str) -> list[str]:
    """The devices that a name stands for: every GPU for auto and cuda, else the one that was named."""
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
    """How many workers so many runs get, never more than runs: as asked for, else as many as the cores have room for by
    their threads, and the memory, also that of each GPU, which all of them use, by what each of them needs; one for
    each GPU at least."""
    chosen = devices(settings.device)
    if settings.workers is not None:
        return min(settings.workers, max(runs, 1))
    room, least = cores() // settings.threads, 1
    if need * min(room, runs) > (free := memory()):
        room = int(free // need)
        print(f"note: {max(room, 1)} processes at once: each may need {need / 1e9:.1f} GB of {free / 1e9:.1f} GB free")
    if _is_gpu(chosen[0]):
        room, least = min(room, *(int(gpu_memory(name) // OF_A_GPU) for name in chosen)), len(chosen)
    return max(1, min(max(room, least), runs))


def trainers(settings: Settings, workers: int) -> int:
    """How many stacks train at a time: one on each GPU, which it fills, while other workers measure; else any."""
    chosen = devices(settings.device)
    return min(len(chosen), workers) if _is_gpu(chosen[0]) else workers


def gpu_memory(name: str) -> int:
    """Bytes of a GPU; none where there is none."""
    import torch

    return int(torch.cuda.get_device_properties(name).total_memory) if torch.cuda.device_count() else 0


def _is_gpu(device: str) -> bool:
    return device.startswith("cuda")
