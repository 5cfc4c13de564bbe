"""Sprites in other protocols and other paint: correlated factors, the full grid, colour and noise."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt

from benchmark.datasets import variants
from benchmark.datasets.core import Dataset, Paths
from benchmark.datasets.splits import Seed, Size
from benchmark.datasets.sprites import dsprites, sprites

Sigma = Annotated[float, Gt(0)]


def sprites_correlated(
    paths: Paths,
    *,
    factors: tuple[str, str] = ("scale", "pos_x"),
    sigma: Sigma = 0.2,
    train: Size | None = None,
    validation: Size = 1000,
    probe_train: Size = 3000,
    test: Size = 3000,
    split_seed: Seed = 0,
) -> Dataset:
    """`sprites` trained where two factors correlate *(Traeuble et al., 2021)*, probed and tested where none do."""
    data = sprites(paths, probe_train=probe_train, test=test, split_seed=split_seed)
    return variants.correlated(data, "sprites_correlated", factors, sigma, train, validation, split_seed)


def dsprites_correlated(
    paths: Paths,
    *,
    factors: tuple[str, str] = ("scale", "pos_x"),
    sigma: Sigma = 0.2,
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """`dsprites` trained where two factors correlate *(Traeuble et al., 2021)*, probed and tested where none do."""
    data = dsprites(paths, probe_train=probe_train, test=test, split_seed=split_seed)
    return variants.correlated(data, "dsprites_correlated", factors, sigma, train, validation, split_seed)


def sprites_full(
    paths: Paths, *, validation: Size = 2000, probe_train: Size = 3000, test: Size = 3000, split_seed: Seed = 0
) -> Dataset:
    """`sprites` with all 35,280 images in training, as papers do: probe and test images are not new to the VAE."""
    data = sprites(paths, validation=validation, probe_train=probe_train, test=test, split_seed=split_seed)
    return variants.on_full_grid(data, "sprites_full", split_seed)


def dsprites_full(
    paths: Paths, *, validation: Size = 10_000, probe_train: Size = 10_000, test: Size = 10_000, split_seed: Seed = 0
) -> Dataset:
    """`dsprites` with all 737,280 images in training, as papers do: probe and test images are not new to the VAE."""
    data = dsprites(paths, validation=validation, probe_train=probe_train, test=test, split_seed=split_seed)
    return variants.on_full_grid(data, "dsprites_full", split_seed)


def color_dsprites(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """`dsprites`, each in a random colour that is no factor *(Locatello et al., 2019)*; pseudo-nats for a Bernoulli."""
    data = dsprites(paths, train=train, validation=validation, probe_train=probe_train, test=test,
                    split_seed=split_seed)  # fmt: skip
    return variants.painted(data, "color_dsprites", variants.in_colour)


def noisy_dsprites(
    paths: Paths,
    *,
    train: Size | None = None,
    validation: Size = 10_000,
    probe_train: Size = 10_000,
    test: Size = 10_000,
    split_seed: Seed = 0,
) -> Dataset:
    """`dsprites`, white before coloured noise *(Locatello et al., 2019)*; pseudo-nats for a Bernoulli likelihood."""
    data = dsprites(paths, train=train, validation=validation, probe_train=probe_train, test=test,
                    split_seed=split_seed)  # fmt: skip
    return variants.painted(data, "noisy_dsprites", variants.in_noise)
