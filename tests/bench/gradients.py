"""Plain against doubly reparameterised gradients of L_K: `python -m tests.bench.gradients [replicates]`, minutes.

For K = 1, 5, 50, 500: the variance of the encoder's gradient (its trace), plain over dreg; whether both have one mean
(z-scores of all weights' differences, whose root mean square is 1 where they do, and whose square can be 0.1 off in
`replicates` of a few hundred); and what each costs a step. First on the linear-Gaussian model of one dimension, at a
poor posterior, then on an mlp that learned digits for 1,000 steps.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median

import torch
from torch import Tensor, nn

from benchmark.checks.gradients import line_model
from benchmark.config.compose import compose
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build
from models.noise import Noise, Stream
from models.objectives import Gradient, iwae
from models.vae import VAE, Batch

COUNTS = (1, 5, 50, 500)
WAYS: tuple[Gradient, Gradient] = ("plain", "dreg")
BATCH, STEPS, ROUNDS = 20, 1000, 9


def gradient(model: VAE, x: Tensor, count: int, way: Gradient, noise: Noise, of: nn.Module) -> Tensor:
    """The gradient of the mean L_K over x to all weights of a part, in one vector."""
    value = iwae(model, Batch(x, noise=noise), num_samples=count, gradient=way).mean()
    return torch.cat([one.flatten() for one in torch.autograd.grad(value, list(of.parameters()))])


def moments(draws: Iterator[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of `count` vectors, one at a time."""
    mean, square = torch.zeros(()), torch.zeros(())
    for n, each in enumerate(draws, start=1):
        step = each.double() - mean
        mean = mean + step / n
        square = square + step * (each.double() - mean)
    return mean, square / (count - 1)


def compare(title: str, model: VAE, x: Tensor, replicates: int) -> None:
    """A line for each K."""
    print(f"{title}: {replicates} replicates of {len(x)} examples", flush=True)
    ratios = []
    for count in COUNTS:
        streams = [Stream.seeded(seed) for seed in (1, 2)]  # apart: the two means are independent
        found, number = [], max(20, replicates // max(1, count // 50))  # many samples: few, for time
        for way, noise in zip(WAYS, streams, strict=True):
            rows = (gradient(model, x, count, way, noise, model.encoder) for _ in range(number))
            found.append(moments(rows, number))
        (m1, v1), (m2, v2) = found
        free = (v1 + v2) > 0  # pixels that are never on have no gradient
        z = ((m1 - m2) / ((v1 + v2) / number).sqrt())[free]
        ratios.append((v1.sum() / v2.sum()).item())
        signals = [m.norm().item() / v.sum().sqrt().item() for m, v in found]
        print(
            f"  K={count:<4} variance plain/dreg {ratios[-1]:9.2f}   mean equal: rms z {z.square().mean().sqrt():.2f}, "
            f"greatest of {free.sum():>6} {z.abs().max():.2f}   signal to noise {signals[0]:.3f}, {signals[1]:.3f}",
            flush=True,
        )
    slope = math.log(ratios[-1] / ratios[1]) / math.log(COUNTS[-1] / COUNTS[1])
    print(f"  the ratio grows as K^{slope:.2f} from K={COUNTS[1]} to {COUNTS[-1]}", flush=True)


def trained() -> tuple[VAE, Tensor]:
    """An mlp that learned digits by L_5, and a batch of its training images."""
    steps = [f"trainer.steps={STEPS}", "trainer.validations=1", "device=cpu"]
    setup = build(compose(["dataset=digits", "model=mlp", "model.latent_dim=10", "objective=iwae", *steps]))
    assert setup.model is not None
    assert setup.train is not None
    validation = Pixels(setup.dataset, "validation", setup.device)
    assert setup.plan.trainer is not None
    setup.plan.trainer.build()(setup.model, setup.objective, setup.train, validation, 0)
    return setup.model, setup.train.batch(torch.arange(BATCH), torch.Generator().manual_seed(0))


def costs() -> None:
    """Medians of interleaved steps of an mlp 784-200-200-50 on 100 examples."""
    plan = compose(["model=mlp"])
    model = build(replace(plan, settings=replace(plan.settings, device="cpu"))).model
    assert model is not None
    shape = model.decoder(model.prior().mean).event_shape
    x = torch.rand((100, *shape), generator=torch.Generator().manual_seed(0)).round()
    noise = Stream.seeded(0)
    for count in COUNTS[:3]:
        times = [[seconds(lambda w=way, k=count: gradient(model, x, k, w, noise, model)) for way in WAYS]
                 for _ in range(ROUNDS)]  # fmt: skip
        plain, dreg = (median(column) * 1e3 for column in zip(*times, strict=True))
        ratio = median(b / a for a, b in times)
        print(f"  K={count:<4} step plain {plain:7.2f} ms, dreg {dreg:7.2f} ms, ratio {ratio:.2f}", flush=True)


def seconds(step: Callable[[], object], number: int = 5) -> float:
    """Seconds a step."""
    started = time.perf_counter()
    for _ in range(number):
        step()
    return (time.perf_counter() - started) / number


def main() -> None:
    """Both models, on one thread."""
    torch.set_num_threads(1)
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    compare(
        "linear Gaussian, one dimension", line_model(), torch.full((BATCH, 1), 1.1, dtype=torch.float64), replicates
    )
    compare(f"digits, mlp after {STEPS} steps", *trained(), replicates)
    print("mlp 784-200-200-50, 100 examples")
    costs()


if __name__ == "__main__":
    main()
