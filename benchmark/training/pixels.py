"""Examples of one split, as bytes or packed bits on a device; a batch (B, *shape) is a gather and a cast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn.functional import embedding, pad

from benchmark.datasets import Dataset, Lazy
from benchmark.training.noise import torch_stream

LAZY_MEAN = 20_000  # lazy examples that a mean is taken of: splits are in random order, and 0.004 is close enough


class Pixels:
    """The examples of a split: on a GPU moved there once; on the CPU, and lazy ones, gathered a batch at a time.

    What a data set maps from a file is never copied as a whole, so that all workers of a sweep share it.
    """

    def __init__(self, dataset: Dataset, split: str, device: torch.device) -> None:
        self.rows = dataset.splits[split]
        self.dataset, self.device = dataset, device
        self.lazy = isinstance(dataset.images, Lazy)
        self.images = None if self.lazy or device.type == "cpu" else self._read(self.rows)
        self.block = 1024 if self.lazy else 8192  # examples at a time where all are wanted
        self.shape = dataset.shape
        self.size = int(np.prod(dataset.shape))
        self.shifts = torch.arange(7, -1, -1, dtype=torch.uint8, device=device)
        every = torch.arange(256, dtype=torch.uint8, device=device)
        self.bits = ((every[:, None] >> self.shifts) & 1).float()  # of each byte, (256, 8)

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, rows: Tensor, generator: Generator) -> Tensor:
        """The examples of those rows as float32 (B, *shape), binarised anew where the protocol is dynamic."""
        return self.batches(rows[None], [generator])[0]

    def batches(self, rows: Tensor, generators: Sequence[Generator]) -> Tensor:
        """The same for rows (M, B) of stacked models, (M, B, *shape), each binarised from a generator of its own."""
        images = self._stored(rows.flatten())
        if self.dataset.storage == "bits":
            images = self._unpacked(images)[:, : self.size].contiguous()
        elif self.dataset.storage == "uint8" and self.dataset.binarisation == "dynamic":
            images = _bernoulli(images.unflatten(0, rows.shape), generators)
        elif self.dataset.storage == "uint8":
            images = images.float() / 255
        return images.reshape(*rows.shape, *self.shape)

    def mean(self) -> Tensor:
        """The mean example (*shape) on the CPU, for output biases; every row counts once, of lazy ones the first."""
        total = torch.zeros(self.shape, dtype=torch.float64)
        count = min(len(self), LAZY_MEAN) if self.lazy else len(self)
        for rows in torch.split(torch.arange(count, device=self.device), self.block):
            total += self._sum(self._stored(rows)).reshape(self.shape).cpu()
        scale = 255.0 if self.dataset.storage == "uint8" else 1.0
        return (total / scale / count).float()

    def drawn(self, evaluation_seed: int, split: str) -> Tensor:
        """All examples (N, *shape) in one draw that depends on the data set and the seed of evaluation alone: it is
        drawn by the CPU, wherever the examples are."""
        generator = torch_stream(evaluation_seed, f"draw {split}")
        rows = torch.arange(len(self), device=self.device)
        return torch.cat([self.batch(part, generator) for part in torch.split(rows, self.block)])

    def _unpacked(self, images: Tensor) -> Tensor:
        """The bits of each byte (n, bytes), (n, 8 bytes): looked up on a processor, shifted on a GPU, which is slow at
        looking up eight numbers."""
        if images.device.type == "cpu":
            return embedding(images.int(), self.bits).flatten(1)
        return ((images[:, :, None] >> self.shifts) & 1).flatten(1).float()

    def _stored(self, rows: Tensor) -> Tensor:
        return self._read(self.rows[rows.cpu().numpy()]) if self.images is None else self.images[rows]

    def _read(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.dataset.images[rows])).to(self.device)

    def _sum(self, images: Tensor) -> Tensor:
        """Of stored images (n, ...), over n; exact unless they are floats."""
        if self.dataset.storage != "bits":
            return images.double().sum(0) if self.dataset.storage == "float" else images.sum(0)
        return sum_of_bits(images)[: self.size]


def sum_of_bits(images: Tensor) -> Tensor:
    """How often each bit is set in packed images (n, bytes), the highest of a byte first: (8 bytes,), integers."""
    width = images.shape[1]
    words = pad(images, (0, -width % 8)).view(torch.int64)
    total = torch.zeros((words.shape[1] * 8, 8), dtype=torch.int64, device=images.device)
    ones = 0x0101010101010101
    for few in words.split(255):  # so many additions fit into each of the eight bytes of a word
        for place in range(8):
            total[:, place] += ((few >> (7 - place)) & ones).sum(0).view(torch.uint8)
    return total[:width].flatten()


def _bernoulli(images: Tensor, generators: Sequence[Generator]) -> Tensor:
    """1 with probability grey / 255 *(Salakhutdinov and Murray, 2008)*, to 1 / 65536; exact for black and white."""
    noise = torch.stack([_words(one, generator) for one, generator in zip(images, generators, strict=True)])
    return (noise.float() + 32768 < images.float() * (65536 / 255)).float()


def _words(images: Tensor, generator: Generator) -> Tensor:
    """16 random bits for each value, from a generator of any device."""
    # cut from 64-bit integers: three times as fast as one float each
    words = torch.randint(-(2**63), 2**63 - 1, (images.numel() // 4 + 1,), generator=generator, device=generator.device)
    return words.view(torch.int16)[: images.numel()].view(images.shape).to(images.device)
