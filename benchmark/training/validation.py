"""What is measured while a training goes on: objective, rate and distortion of held-out examples, in nats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import torch
from torch import Tensor

from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.pixels import Pixels
from models.auxiliary import auxiliaries_of
from models.evidence import rates_and_distortions
from models.vae import VAE, Batch

VALIDATION_EXAMPLES = 1000
BLOCK = 250  # examples at a time
Objective = Callable[[VAE, Batch], Tensor]


class Row(TypedDict):
    """One line of history.csv, nats per example; validation values are of up to 1,000 held-out examples.

    All validation values of a phase are of one function: the objective of its first update, as it is when its schedules
    have ended. The row before the first step is of the first phase.
    """

    step: int
    epoch: float
    learning_rate: float
    objective: float | None  # mean over the training batches since the last row, each as its step had it
    validation_objective: float | None  # None where an adversary makes it another function at every step
    validation_rate: float | None
    validation_distortion: float
    phase: int  # that the row ends or is in, from 1; its objective is the one whose values these are
    kept: bool  # whether the weights of this step are those that were kept, which one row says


class Validation:
    """The objective, rate and distortion on the first validation examples, each always with the same noise."""

    def __init__(self, model: VAE, pixels: Pixels, num_examples: int, seed: int, total_steps: int) -> None:
        self.model, self.num_examples, self.seed = model, num_examples, seed
        self.total_steps = total_steps
        self.device = pixels.device
        rows = torch.arange(min(len(pixels), VALIDATION_EXAMPLES), device=self.device)
        self.x = pixels.batch(rows, torch_stream(seed, "validation draw", self.device))

    @torch.no_grad()
    def __call__(
        self, objective: Objective, step: int, epoch: float, rate: float, running: float | None, phase: int
    ) -> Row:
        noise = noise_stream(self.seed, "validation noise", self.device)
        parts = torch.split(self.x, BLOCK)
        batches = [Batch(x, self.total_steps, self.num_examples, noise, self.total_steps) for x in parts]
        values = torch.stack([objective(self.model, b).double().mean() * len(b.x) for b in batches])
        value = values.sum().item() / len(self.x)
        row = Row(
            step=step,
            epoch=round(epoch, 4),
            learning_rate=rate,
            objective=running,
            validation_objective=None if auxiliaries_of(objective) else value,
            validation_rate=None,
            validation_distortion=-value,
            phase=phase,
            kept=False,
        )
        noise = noise_stream(self.seed, "validation rate", self.device)  # the same for every objective
        pairs = [rates_and_distortions(self.model, x, num_samples=1, noise=noise) for x in parts]
        rates = [pair.rate for pair in pairs if pair.rate is not None]
        row["validation_rate"] = torch.cat(rates).mean().item() if rates else None
        row["validation_distortion"] = torch.cat([pair.distortion for pair in pairs]).mean().item()
        return row
