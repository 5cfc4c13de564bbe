"""Training steps against the barest hand-written torch loop, interleaved in one process: `python -m tests.bench.train`.

Prints the ratio of median step times (ours / bare) with the same network, optimiser, binarisation and dtype.
"""

from __future__ import annotations

import time
from itertools import pairwise
from statistics import median

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmark.config.compose import compose
from benchmark.datasets import Dataset
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.order import batches
from benchmark.training.pixels import Pixels, _bernoulli
from benchmark.training.setup import build_model, build_objective
from models.vae import Batch

ROUNDS, STEPS = 15, 40


def mnist_like() -> Dataset:
    """5,000 examples of 28x28 grey bytes, mostly black as digits are."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = (rng.integers(0, 256, (5000, 1, 28, 28)) * (rng.random((5000, 1, 28, 28)) < 0.2)).astype(np.uint8)
    rows = {name: np.arange(5000) for name in ("train", "validation", "probe", "test")}
    return Dataset("bench", images, (1, 28, 28), "uint8", "dynamic", rows)


class Ours:
    """The parts of benchmark.training.fit's loop, step by step."""

    def __init__(self, overrides: list[str], data: Dataset, batch_size: int) -> None:
        plan = compose(overrides)
        self.pixels = Pixels(data, "train", torch.device("cpu"))
        self.model = build_model(plan, data.shape, self.pixels.mean())
        self.objective = build_objective(plan, self.model, torch.device("cpu"))
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.updates = torch.optim.Adam(self.parameters, lr=1e-3, fused=True)
        self.noise, self.binarisation = noise_stream(0, "noise"), torch_stream(0, "binarisation")
        self.rows = batches(len(self.pixels), batch_size, 10**9, 0)

    def step(self) -> None:
        for group in self.updates.param_groups:
            group["lr"] = 1e-3
        batch = Batch(self.pixels.batch(next(self.rows), self.binarisation), 0, len(self.pixels), self.noise)
        value = self.objective(self.model, batch).mean()
        self.updates.zero_grad(set_to_none=True)
        (-value).backward()
        self.updates.step()


class Bare:
    """What one would write by hand for one objective and one network, without classes for distributions."""

    def __init__(self, data: Dataset, batch_size: int, hidden: tuple[int, ...], latent: int, samples: int) -> None:
        widths = [784, *hidden]
        encoder = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.Tanh())]
        back = [latent, *hidden]
        decoder = [m for a, b in pairwise(back) for m in (nn.Linear(a, b), nn.Tanh())]
        self.features, self.mean, self.scale = (
            nn.Sequential(*encoder),
            nn.Linear(widths[-1], latent),
            nn.Linear(widths[-1], latent),
        )
        self.decoder = nn.Sequential(*decoder, nn.Linear(back[-1], 784))
        self.images, self.size, self.samples, self.latent = (
            torch.from_numpy(data.images).flatten(1),
            batch_size,
            samples,
            latent,
        )
        parameters = [p for m in (self.features, self.mean, self.scale, self.decoder) for p in m.parameters()]
        self.updates = torch.optim.Adam(parameters, lr=1e-3, fused=True)
        self.noise = torch.Generator().manual_seed(0)
        self.order, self.at = torch.randperm(5000), 0

    def step(self) -> None:
        if self.at + self.size > 5000:
            self.order, self.at = torch.randperm(5000), 0
        x = _bernoulli(self.images[self.order[self.at : self.at + self.size]], self.noise)
        self.at += self.size
        h = self.features(x)
        mean, log_scale = self.mean(h), self.scale(h)
        scale = log_scale.exp()
        eps = torch.randn((self.samples, *mean.shape), generator=self.noise)
        z = mean + scale * eps
        logits = self.decoder(z)
        log_px = -binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none").sum(-1)
        if self.samples == 1:
            loss = (-log_px[0] + 0.5 * (mean**2 + scale**2 - 1 - 2 * log_scale).sum(-1)).mean()
        else:
            log_w = log_px + (-0.5 * z**2 + 0.5 * eps**2 + log_scale).sum(-1)
            loss = -log_w.logsumexp(0).mean()
        self.updates.zero_grad(set_to_none=True)
        loss.backward()
        self.updates.step()


def seconds(step, number: int) -> float:
    """Seconds a step, of so many in a row."""
    started = time.perf_counter()
    for _ in range(number):
        step()
    return (time.perf_counter() - started) / number


def compare(name: str, ours: Ours, bare: Bare) -> None:
    """Interleave both and print the medians and their ratio."""
    seconds(ours.step, 10), seconds(bare.step, 10)
    times = [(seconds(ours.step, STEPS), seconds(bare.step, STEPS)) for _ in range(ROUNDS)]
    mine, theirs = (median(column) * 1e3 for column in zip(*times, strict=True))
    ratio = median(a / b for a, b in times)
    print(f"{name:34} ours {mine:6.2f} ms  bare {theirs:6.2f} ms  ratio {ratio:.3f}", flush=True)


def main() -> None:
    """Every case, on one thread."""
    torch.set_num_threads(1)
    data = mnist_like()
    for batch in (100, 20):
        for objective, samples in (("elbo", 1), ("iwae", 5)):
            overrides = [f"objective={objective}", "model=mlp"]
            compare(
                f"mlp 784-200-200-50 {objective} B={batch}",
                Ours(overrides, data, batch),
                Bare(data, batch, (200, 200), 50, samples),
            )
    linear = ["objective=elbo", "model=linear", "model.likelihood=bernoulli", "model.latent_dim=50"]
    for batch in (100, 20):
        compare(f"linear 784-50 elbo B={batch}", Ours(linear, data, batch), Bare(data, batch, (), 50, 1))


if __name__ == "__main__":
    main()
