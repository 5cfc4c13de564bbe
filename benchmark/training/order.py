"""Which examples a batch is made of: rows (B,) of a split, in an order that depends on the seed alone."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.training.noise import torch_stream


def batches(
    num_examples: int, size: int, total: int, seed: int, shuffle: bool = True, done: int = 0
) -> Iterator[Tensor]:
    """Batches of rows up to `total`, in a new order each epoch or always in that of the data set; none is short.

    The first `done` of them are passed over.
    """
    order = torch_stream(seed, "order")
    sent = 0
    while True:
        permutation = torch.randperm(num_examples, generator=order) if shuffle else torch.arange(num_examples)
        for start in range(0, num_examples - size + 1, size):
            if sent == total:
                return
            if sent >= done:
                yield permutation[start : start + size]
            sent += 1
