"""Networks that an objective has beside the model, such as an adversary, and what each of them is trained by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from models.types import Optimizer
from models.vae import VAE, Batch


@dataclass(frozen=True)
class Auxiliary:
    """One update beside the model's: `value` is maximised over the parameters of `module`, once a step.

    The objective says what is learned and by which optimiser; the trainer builds the optimiser and takes the steps.
    """

    name: str
    module: nn.Module
    value: Callable[[VAE, Batch], Tensor]  # (B,) or a scalar, in nats; the model gets no gradient of it
    optimizer: Optimizer
    learning_rate: float
    options: Mapping[str, Any] = field(default_factory=dict)  # of the optimiser


def auxiliaries_of(objective: object) -> tuple[Auxiliary, ...]:
    """What an objective's method `auxiliaries()` names; of most there is none.

    An objective with auxiliaries is another function of the model after every step of theirs.
    """
    named = getattr(objective, "auxiliaries", None)
    return () if named is None else tuple(named())
