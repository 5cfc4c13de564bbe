"""The one bridge from torch to numpy: images (N, *shape) in, codes (N, D) out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.datasets import Dataset
from metrics.core import AMORTISED, Codes, Density, Prior, Representation
from models.distributions import assumed_density
from models.readouts import Reading
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
    estimated: bool = False  # the first view is an average of draws

    @classmethod
    def points(cls, codes: np.ndarray) -> Encoded:
        """Codes (N, D) without a distribution."""
        return cls({"mean": np.asarray(codes, dtype=np.float64)})


def encoded(readings: Sequence[Reading]) -> Encoded:
    """The views and standard deviations of blocks that were read, float64."""
    views = {name: _stacked([one.views[name] for one in readings]) for name in readings[0].views}
    spreads = [one.stddev for one in readings if one.stddev is not None]
    known = all(one.posterior is not None and assumed_density(one.posterior) for one in readings)
    density: Density | None = "diagonal" if spreads and known else None
    return Encoded(views, _stacked(spreads) if spreads else None, density, readings[0].estimated)


def representation_of(
    dataset: Dataset,
    parts: Mapping[str, Encoded],
    *,
    prior: Prior | None = None,
    readout: str = AMORTISED,
    most: int | None = None,
) -> Representation:
    """The encoded probe and test splits (the first `most` examples of each) beside their factors."""

    def codes(split: str) -> Codes:
        rows, part = dataset.splits[split][:most], parts[split]
        known = dataset.factors_of(rows), dataset.factor_names, dataset.factor_types
        return Codes(part.views, part.stddev, part.density, *known, dataset.symmetry_of(rows), part.estimated)

    probe, test = map(codes, PARTS)
    return Representation(probe, test, prior, readout=readout)


def _stacked(parts: Sequence[Tensor]) -> np.ndarray:
    return torch.cat(list(parts)).double().cpu().numpy()
