"""FactorVAE's step against one that computes what it need not, interleaved: `python -m tests.bench.adversary`.

The other step is that of before: gradients of all weights by the model's update, and an optimiser that is not fused.
"""

from __future__ import annotations

from statistics import median

import torch

from benchmark.config.compose import compose
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.optimizers import optimizer
from benchmark.training.order import batches
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model, build_objective
from benchmark.training.updates import Update, auxiliary_updates
from models.vae import Batch
from tests.bench.train import mnist_like, seconds

ROUNDS, STEPS = 15, 10


class Whole(Update):
    """An update whose backward pass reaches everything."""

    def __call__(self, model, batch: Batch, learning_rate: float) -> None:
        value = self.value(model, batch).mean()
        self.optimizer.zero_grad(set_to_none=True)
        (-value).backward()
        self.optimizer.step()


class Steps:
    """FactorVAE as it is configured, on 64 images a step, with either kind of update."""

    def __init__(self, kind: type[Update], fused: bool) -> None:
        plan = compose(["objective=factor_vae", "model=conv_locatello", f"objective.optimizer_options.fused={fused}"])
        data = mnist_like()
        self.pixels = Pixels(data, "train", torch.device("cpu"))
        self.model = build_model(plan, data.shape, self.pixels.mean())
        objective = build_objective(plan, self.model, torch.device("cpu"))
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        first = optimizer("Adam", parameters, 1e-3, {"fused": True})
        [second] = auxiliary_updates(objective, None)
        self.updates = [kind("objective", objective, parameters, first, 1e-3), second]
        self.updates[1].__class__ = kind
        self.noise, self.binarisation = noise_stream(0, "noise"), torch_stream(0, "binarisation")
        self.rows = batches(len(self.pixels), 64, 10**9, 0)

    def step(self) -> None:
        batch = Batch(self.pixels.batch(next(self.rows), self.binarisation), 0, len(self.pixels), self.noise)
        for update in self.updates:
            update(self.model, batch, update.learning_rate)


def main() -> None:
    """Both, on one thread."""
    torch.set_num_threads(1)
    now, before = Steps(Update, fused=True), Steps(Whole, fused=False)
    seconds(now.step, 3), seconds(before.step, 3)
    times = [(seconds(now.step, STEPS), seconds(before.step, STEPS)) for _ in range(ROUNDS)]
    ours, theirs = (median(column) * 1e3 for column in zip(*times, strict=True))
    print(f"factor_vae B=64: {ours:.1f} ms a step, before {theirs:.1f} ms, ratio {median(a / b for a, b in times):.2f}")


if __name__ == "__main__":
    main()
