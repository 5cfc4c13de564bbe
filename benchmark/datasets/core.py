"""What a data set is: arrays of N examples, what is known about each, and four disjoint splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Storage = Literal["uint8", "bits", "float"]
Binarisation = Literal["dynamic", "static", "none"]
SPLITS = ("train", "validation", "probe", "test")
HELD_OUT = "held out"
FULL_GRID = "trained on the full grid"
PROBE_SEEN = "trained on the probe's images too"
WHOLE = "nothing held out"


class Paths:
    """Where data may lie: the user's own files (never written), and our cache (downloads, rendered images)."""

    def __init__(self, data_dir: Path | None, cache_dir: Path) -> None:
        self.cache_dir = cache_dir
        self.asked = False  # whether anybody looked for the user's files
        self._data_dir = data_dir

    @property
    def data_dir(self) -> Path | None:
        """The user's folder, or None."""
        self.asked = True
        return self._data_dir


@dataclass(frozen=True)
class Lazy:
    """Bytes that are read from disk or painted when their rows are asked for, since all of them fill no memory.

    `gather` is a pure function of row numbers (n,), whatever batch they come in; `content` names what it gives.
    """

    shape: tuple[int, ...]  # (N, *shape of one example)
    gather: Callable[[NDArray[np.int64]], NDArray[np.uint8]]
    content: str  # a hash of the source, and what is made of it

    dtype = np.dtype(np.uint8)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self.gather(rows)


@dataclass(frozen=True)
class Dataset:
    """Examples as uint8, packed bits or floats, in memory or `Lazy`; nothing here is per-sample Python."""

    name: str
    images: NDArray[Any] | Lazy  # (N, *shape) uint8 or float32; bits: (N, ceil(size / 8)), first pixel in the top bit
    shape: tuple[int, ...]  # of one example: (C, H, W) for images, (n,) for vectors
    storage: Storage
    binarisation: Binarisation  # dynamic: redrawn at each visit from uint8 grey; static: bits; none: values as they are
    splits: Mapping[str, NDArray[np.int64]]  # rows of train, validation, probe, test; disjoint if held out
    factors: NDArray[np.float64] | None = None  # (N, F), discrete ones as 0..n-1
    factor_names: tuple[str, ...] = ()
    factor_types: tuple[str, ...] = ()  # discrete, continuous, circular, label
    symmetry: NDArray[np.int8] | None = None  # (N, F), see metrics.core.Codes; no part of the checksum: it is no datum
    source: str = ""  # which bytes these are, e.g. "regenerated" or "official npz"
    exact: Mapping[str, Any] = field(default_factory=dict)  # what is known in closed form: eigenvalues, entropy
    # or FULL_GRID: the VAE trains on all images, so those of the other splits too; PROBE_SEEN: on the probe's too;
    # or WHOLE: every split is all there is, for exact sums over a distribution
    protocol: str = HELD_OUT
    labels: int = 0  # classes of the one-hot label that an example ends in and that alone is scored; 0: values are

    def decoded(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The examples of those rows as floats (n, *shape): grey and bits in [0, 1], other values as they are."""
        images = self.images[rows]
        if self.storage == "bits":
            size = int(np.prod(self.shape))
            return np.unpackbits(images, axis=1, count=size).reshape(-1, *self.shape).astype(np.float32)
        return images.astype(np.float32) / np.float32(255) if self.storage == "uint8" else images.astype(np.float32)

    def factors_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """The factors (n, F) of those rows."""
        return None if self.factors is None else self.factors[rows]

    def symmetry_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """The folds of symmetry (n, F) of those rows."""
        return None if self.symmetry is None else self.symmetry[rows].astype(np.float64)

    @property
    def entropy(self) -> float | None:
        """H(x) in nats where it is known exactly, else None: of counts of discrete images, of the density of floats.

        It is that of the population that test images are drawn from: of a rendered grid all of its images, equally
        likely, identical ones counted together. Rate and distortion are averages over the test images, and their sum is
        at least H in expectation of any model that finds images it was not trained on no likelier than those it was.
        """
        return self.exact.get("entropy")

    @cached_property
    def checksum(self) -> str:
        """sha256 over everything a number can depend on: images (of lazy ones their content), factors, splits."""
        digest = hashlib.sha256(f"{self.shape} {self.storage} {self.binarisation} {self.factor_names}".encode())
        if self.labels:
            digest.update(f" labels {self.labels}".encode())
        images = np.frombuffer(self.images.content.encode(), np.uint8) if isinstance(self.images, Lazy) else self.images
        arrays = [images, *(self.splits[name] for name in SPLITS)]
        for array in arrays if self.factors is None else [*arrays, self.factors]:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()
