"""Training examples (n, *shape) for what is made of them before training, such as pseudo-inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Examples:
    """A way to the rows of a training set."""

    number: int | None  # N; None where there is no training set
    rows: Callable[[Tensor], Tensor]  # numbers of rows (n,) -> examples (n, *shape) as the encoder sees them
    bounded: bool = True  # whether values are in [0, 1]

    @classmethod
    def of(cls, x: Tensor) -> Examples:
        """Those that are at hand, x (N, *shape)."""
        return cls(len(x), lambda rows: x[rows.to(x.device)], _in_range(x))

    @classmethod
    def around(cls, mean: Tensor) -> Examples:
        """Where no training set is known: its mean (*shape) and noise of deviation 0.1, from torch's global stream."""
        bounded = _in_range(mean)

        def rows(wanted: Tensor) -> Tensor:
            found = mean + 0.1 * torch.randn(len(wanted), *mean.shape)
            return found.clamp(0, 1) if bounded else found

        return cls(None, rows, bounded)


def _in_range(values: Tensor) -> bool:
    return bool((values >= 0).all() and (values <= 1).all())
