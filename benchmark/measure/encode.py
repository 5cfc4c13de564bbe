"""The one bridge from torch to numpy: images (N, *shape) in, codes (N, D) out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.datasets import Dataset
from metrics.core import Codes, Density, Prior, Representation
from models.distributions import assumed_density, has_density
from models.noise import Noise
from models.sampling import draw
from models.vae import VAE

PARTS = ("probe", "test")  # splits that are encoded: predictors fit on the first, scores are of the second
BLOCK = 200  # examples at a time: with their samples they fill one chunk of the evidence estimators


@torch.no_grad()
def encode(model: VAE, x: Tensor) -> list[Distribution]:
    """q(z|x) of every block of BLOCK examples: all that an evaluation needs of the encoder, made once."""
    return [model.encoder(block) for block in torch.split(x, BLOCK)]


@dataclass(frozen=True)
class Encoded:
    """What an encoder made of N examples: views (N, D) by name, and what is known of q(z|x)."""

    views: Mapping[str, np.ndarray]
    stddev: np.ndarray | None = None
    density: Density | None = None

    @classmethod
    def points(cls, codes: np.ndarray) -> Encoded:
        """Codes (N, D) without a distribution."""
        return cls({"mean": np.asarray(codes, dtype=np.float64)})


def encoded(posteriors: Sequence[Distribution], noise: Noise) -> Encoded:
    """Means, standard deviations and one sample of q(z|x), float64, of encoded blocks; means alone of points."""
    mean = _stacked([posterior.mean for posterior in posteriors])
    if not all(map(has_density, posteriors)):
        return Encoded.points(mean)
    stddev = _stacked([posterior.stddev for posterior in posteriors])
    sample = _stacked([draw(posterior, 1, noise)[0] for posterior in posteriors])
    density: Density | None = "diagonal" if all(map(assumed_density, posteriors)) else None
    return Encoded({"mean": mean, "sample": sample}, stddev, density)


def representation_of(
    dataset: Dataset, parts: Mapping[str, Encoded], *, prior: Prior | None = None, most: int | None = None
) -> Representation:
    """The encoded probe and test splits (the first `most` examples of each) beside their factors."""

    def codes(split: str) -> Codes:
        rows, part = dataset.splits[split][:most], parts[split]
        known = dataset.factors_of(rows), dataset.factor_names, dataset.factor_types
        return Codes(part.views, part.stddev, part.density, *known, dataset.symmetry_of(rows))

    probe, test = map(codes, PARTS)
    return Representation(probe, test, prior)


def _stacked(parts: Sequence[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy()
