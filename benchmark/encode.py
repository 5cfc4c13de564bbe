"""The one bridge from torch to numpy: images (N, *shape) in, codes (N, D) out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Generator, Tensor
from torch.distributions import Distribution

from benchmark.datasets import Dataset
from benchmark.files import write_atomically
from metrics.core import Codes, Representation
from models.sampling import draw
from models.vae import VAE

BLOCK = 200  # examples at a time: with their samples they fill one chunk of the evidence estimators
ArraysOf = Callable[[str, np.ndarray], Sequence[np.ndarray]]


@torch.no_grad()
def encode(model: VAE, x: Tensor) -> list[Distribution]:
    """q(z|x) of every block of BLOCK examples: all that an evaluation needs of the encoder, made once."""
    return [model.encoder(block) for block in torch.split(x, BLOCK)]


def arrays_of(posteriors: Sequence[Distribution], generator: Generator, deterministic: bool) -> tuple[np.ndarray, ...]:
    """mean, stddev and one sample of q(z|x), (N, D) float64 each, of encoded blocks."""
    parts = []
    for posterior in posteriors:
        mean = posterior.mean
        stddev = torch.zeros_like(mean) if deterministic else posterior.stddev
        sample = mean if deterministic else draw(posterior, 1, generator)[0]
        parts.append((mean, stddev, sample))
    return tuple(torch.cat(part).double().cpu().numpy() for part in zip(*parts, strict=True))


def representation_of(
    dataset: Dataset, arrays_of: ArraysOf, *, deterministic: bool, most: int | None = None
) -> Representation:
    """The probe-train and test parts beside their factors, the first `most` examples of each.

    `arrays_of(split, rows)` gives mean, stddev and sample, (N, D) each.
    """

    def part(split: str) -> Codes:
        rows = dataset.splits[split][:most]
        mean, stddev, sample = arrays_of(split, rows)
        known = dataset.factors_of(rows), dataset.factor_names, dataset.factor_types
        return Codes(mean, stddev, sample, *known, dataset.symmetry_of(rows))

    return Representation(part("probe"), part("test"), deterministic)


def save(path: Path, representation: Representation) -> None:
    """Write codes.npz: mean, stddev, sample, factors of the probe-train and test parts, names and types as strings."""
    arrays: dict[str, np.ndarray] = {}
    for part, codes in (("train", representation.train), ("test", representation.test)):
        # float32 is what the encoder gave: doubling the bytes on disk would add no digit
        arrays |= {f"{part}_{name}": codes.of(name).astype(np.float32) for name in ("mean", "sample")}
        arrays[f"{part}_stddev"] = codes.stddev.astype(np.float32)
        if codes.factors is not None:
            arrays[f"{part}_factors"] = codes.factors
        if codes.symmetry is not None:
            arrays[f"{part}_symmetry"] = codes.symmetry.astype(np.int16)
    arrays["factor_names"] = np.array(representation.test.factor_names, dtype=np.str_)
    arrays["factor_types"] = np.array(representation.test.factor_types, dtype=np.str_)
    write_atomically(path, lambda file: np.savez_compressed(file, **arrays))  # type: ignore[arg-type]
