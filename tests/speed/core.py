"""What a measurement of speed is: seconds of so much work, beside a physical limit and a peer timed in the same run."""

from __future__ import annotations

import gc
import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

Timed = Callable[[], object]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Row:
    """One line of the table; all seconds are those of the whole `work`, medians of interleaved rounds."""

    name: str  # what was done, with shapes and precision
    work: float  # how much of it
    unit: str  # of the work: steps, images, runs, records, samples
    seconds: float
    limit: str = ""  # what the machine cannot do faster, such as "its matrix products"
    limit_seconds: float | None = None
    peer: str = ""  # who else does the same, with its version
    peer_seconds: float | None = None
    note: str = ""

    @property
    def of_limit(self) -> float | None:
        """The fraction of the limit that is reached, at most 1."""
        return None if self.limit_seconds is None else self.limit_seconds / self.seconds

    @property
    def times_peer(self) -> float | None:
        """How many times as fast as the peer."""
        return None if self.peer_seconds is None else self.peer_seconds / self.seconds


def interleaved(what: Mapping[str, Timed], rounds: int = 7, warm: int = 1) -> dict[str, float]:
    """Median seconds of each, one after the other in every round, so that a busy moment of the machine hits all."""
    times: dict[str, list[float]] = {name: [] for name in what}
    for number in range(warm + rounds):
        for name, do in what.items():
            started = time.perf_counter()
            do()
            synchronise()
            if number >= warm:
                times[name].append(time.perf_counter() - started)
    gc.collect()
    return {name: median(found) for name, found in times.items()}


def synchronise() -> None:
    """Wait for the accelerator, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def products(shapes: list[tuple[int, int, int]], like: Tensor) -> Timed:
    """The bare matrix products (m, k) x (k, n) of those shapes, one after the other, in the dtype of `like`."""
    pairs = [(like.new_empty(m, k).fill_(0.5), like.new_empty(k, n).fill_(0.5)) for m, k, n in shapes]

    def do() -> None:
        for left, right in pairs:
            left @ right

    return do


def training_products(batch: int, layers: list[tuple[int, int]], like: Tensor) -> Timed:
    """Those of one training step of fully connected layers (inputs, outputs): forward, and backward to weights and, but
    for a layer that stands first, to inputs."""
    forward = [(batch, i, o) for i, o in layers]
    to_weights = [(i, batch, o) for i, o in layers]
    to_inputs = [(batch, o, i) for i, o in layers[1:]]
    return products([*forward, *to_weights, *to_inputs], like)


def machine() -> str:
    """A name for the machine: processor, cores that may be used, vector instructions, and the accelerator."""
    if torch.cuda.is_available():
        return _slug(torch.cuda.get_device_name())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return _slug(f"{_processor()} {cores} cores {torch.backends.cpu.get_cpu_capability()}")


def _processor() -> str:
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
