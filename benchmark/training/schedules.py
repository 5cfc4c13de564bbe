"""The learning rate over a training, and how many steps a training has."""

from __future__ import annotations

import math
from typing import Literal

from benchmark.config.components import ConfigurationError

Schedule = Literal["constant", "cosine", "burda"]


def rate_at(learning_rate: float, schedule: Schedule, warmup_steps: int, step: int, total: int) -> float:
    """The learning rate of a step, from 1 to `total`: on its schedule, and rising from 0 in the first ones."""
    return learning_rate * factor(schedule, (step - 1) / total) * min(1.0, step / max(warmup_steps, 1))


def factor(schedule: Schedule, fraction: float) -> float:
    """The learning rate relative to its start, after a fraction of all steps."""
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * fraction))
    if schedule == "burda":  # 3^i passes at 10^(-i/7), i = 0..7, of 3280 (Burda et al., 2016)
        stage = next(i for i in range(8) if fraction < (3 ** (i + 1) - 1) / 2 / 3280 or i == 7)
        return 10 ** (-stage / 7)
    return 1.0


def total_steps(steps: int | None, epochs: float | None, num_examples: int, batch_size: int) -> int:
    """How many batches a training has; an epoch is N examples. ConfigurationError unless one of both is given."""
    if (steps is None) == (epochs is None):
        raise ConfigurationError(
            f"trainer.steps={steps} and trainer.epochs={epochs}: give exactly one of them (the other null)"
        )
    return steps or max(1, round((epochs or 0) * (num_examples / batch_size)))
