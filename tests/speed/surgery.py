"""The aggregate posterior of N diagonal Gaussians at N draws, every pair: seconds, pairs times dimensions, memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import torch
from torch import Tensor

from models.distributions import FullGaussian, diagonal_normal
from models.mixtures import Components, components, log_others
from tests.speed.core import Row, Timed, interleaved, products

EXAMPLE = 64  # draws of each size that are timed against the bare products, whatever N


def rows(quick: bool) -> list[Row]:
    """Draws in bounded number beside their bare products, then every pair of as many draws as examples."""
    sizes = [(10_000, 10), (10_000, 50)] if quick else [(10_000, 10), (60_000, 10), (10_000, 50)]
    found = [some(n, axes) for n, axes in sizes] + [full(1000 if quick else 10_000, 10)]
    return found if quick else [*found, *(whole(n, axes) for n, axes in sizes)]


def posteriors(n: int, axes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means, deviations and draws (1, N, D), float32 as an encoder gives them."""
    generator = torch.Generator().manual_seed(0)
    mean, noise = torch.randn(n, axes, generator=generator), torch.randn(1, n, axes, generator=generator)
    stddev = 0.1 + 0.3 * torch.rand(n, axes, generator=generator)
    return mean, stddev, mean + stddev * noise


def some(n: int, axes: int, draws: int = 2048) -> Row:
    """Joint densities at a few thousand draws, beside the bare product that a block is."""
    mean, stddev, z = posteriors(n, axes)
    parts = components([diagonal_normal(mean, stddev, 1)])
    bare = products([(256, 2 * axes, 512)] * EXAMPLE, torch.zeros((), dtype=torch.float64))
    timed: dict[str, Timed] = {"ours": lambda: log_others(parts, z[:, :draws]), "limit": bare}
    seconds = interleaved(timed, rounds=5)
    blocks = draws * n / (256 * 512)
    limit = seconds["limit"] * blocks / EXAMPLE
    name = f"mixture of {n:,} diagonal Gaussians of {axes} axes"
    return Row(name, draws * n * axes, "pairs x dimensions", seconds["ours"], "its matrix products", limit,
               note=rate(draws * n * axes, seconds["ours"]))  # fmt: skip


def full(n: int, axes: int, draws: int = 512) -> Row:
    """The same of full covariances; the peer is torch's own density."""
    mean, stddev, z = posteriors(n, axes)
    lower = torch.diag_embed(stddev) + 0.05 * torch.ones(axes, axes).tril(-1)
    blocks = [FullGaussian(*pair) for pair in zip(mean.split(200), lower.split(200), strict=True)]
    ours, peer = components(blocks), Components(blocks)
    first = z[:, : min(draws, n)]
    seconds = interleaved({"ours": lambda: log_others(ours, first), "peer": lambda: log_others(peer, first)}, rounds=3)
    name = f"mixture of {n:,} Gaussians of {axes} axes, full covariance"
    return Row(name, first.shape[1] * n * axes, "pairs x dimensions", seconds["ours"],
               peer="torch's log_prob", peer_seconds=seconds["peer"])  # fmt: skip


def whole(n: int, axes: int) -> Row:
    """Every pair, in a process of its own whose memory is seen."""
    command = [sys.executable, "-m", "tests.speed.surgery", str(n), str(axes)]
    seconds, processor, grown = map(float, subprocess.run(command, check=True, capture_output=True).stdout.split())
    note = f"{rate(n * n * axes, seconds)}, {processor:.1f} s of processor time, {grown:.0f} MB above the posteriors"
    return Row(f"all {n:,} x {n:,} pairs of {axes} axes", n * n * axes, "pairs x dimensions", seconds, note=note)


def rate(work: float, seconds: float) -> str:
    """In billions."""
    return f"{work / seconds / 1e9:.2f} 10^9 pairs x dimensions / s"


def _alone(n: int, axes: int) -> None:
    mean, stddev, z = posteriors(n, axes)
    parts = components([diagonal_normal(mean, stddev, 1)])
    log_others(parts, z[:, :1000])
    peak = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    log_others(parts, z)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = sum(getattr(after, name) - getattr(peak, name) for name in ("ru_utime", "ru_stime"))
    print(time.perf_counter() - started, used, (after.ru_maxrss - peak.ru_maxrss) / 1024)


if __name__ == "__main__":
    _alone(*map(int, sys.argv[1:]))
