"""The evaluation of one convolutional model of 64x64 images: encoding, densities, pictures, and each metric."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.config.compose import compose
from benchmark.measure.densities import TrainedModel, evidence, rate_distortion
from benchmark.measure.encode import encode
from benchmark.measure.engine import needs_densities
from benchmark.measure.pictures import drawn_beside, pictures_of
from metrics.core import Representation
from models.networks import conv
from models.noise import Stream
from models.vae import VAE
from tests.bench.metrics import DSPRITES, sprites_like
from tests.speed.core import Row, interleaved, products

SHAPE = (1, 64, 64)


def rows(quick: bool) -> list[Row]:
    """Encoding and densities of so many images, then every metric of `metrics=auto` on codes like dSprites'."""
    counts = (200,) if quick else (1000, 2000, 5000)
    torch.manual_seed(0)
    model = conv(SHAPE, torch.full(SHAPE, 0.1))
    x = (torch.rand((counts[-1], *SHAPE)) < 0.1).float()
    found = [_encoding(model, x[:count]) for count in counts]
    found += [_densities(model, x, quick), _pictures(model, x[:600])]
    return [*found, *_metrics(300 if quick else 10_000)]


def _encoding(model: VAE, x: Tensor) -> Row:
    n = 100  # images at a time
    convolutions = [(n * 1024, 16, 32), (n * 256, 512, 32), (n * 64, 512, 64), (n * 16, 1024, 64)]
    layers = [*convolutions, (n, 1024, 256), (n, 256, 20)]
    bare = products(layers, x)
    seconds = interleaved({"ours": lambda: encode(model, x), "limit": lambda: [bare() for _ in range(len(x) // n)]}, 3)
    name = "encode images of 64x64, conv"
    return Row(name, len(x), "images", seconds["ours"], "the products of its layers", seconds["limit"])


def _densities(model: VAE, x: Tensor, quick: bool) -> Row:
    """Rate, distortion and evidence of a test split, as they are by default; of a tenth of the samples, to be quick."""
    known = encode(model, x)
    plan = SimpleNamespace(settings=SimpleNamespace(evaluation_seed=0))
    trained: Any = TrainedModel(plan, SimpleNamespace(), model, x, known, Stream.seeded(0))
    samples = 10 if quick else 100

    def both() -> None:
        rate_distortion(trained, num_samples=1)
        evidence(trained, num_samples=samples, num_examples=100 if quick else None)

    seconds = interleaved({"ours": both}, rounds=1, warm=0)["ours"]
    return Row(f"rate, distortion and L_{samples} of 64x64, conv", len(x), "images", seconds)


def _pictures(model: VAE, x: Tensor) -> Row:
    known = encode(model, x)
    codes: Any = SimpleNamespace(test=SimpleNamespace(stddev=np.ones(1)))
    with tempfile.TemporaryDirectory() as folder:

        def draw() -> None:
            with drawn_beside(pictures_of(Path(folder), model, x, known, 0, codes), at_once=False):
                pass

        seconds = interleaved({"ours": draw}, rounds=3)["ours"]
    return Row("pictures of a run", 1, "runs", seconds)


def _metrics(count: int) -> list[Row]:
    """Each with its default options, on codes of ten axes that know dSprites' factors, train and test parts alike."""
    plan = compose(["dataset=dsprites"])
    codes = sprites_like(count, 10, sizes=DSPRITES)
    return [
        Row(f"metric {metric.name}", count, "images", _seconds(metric, codes))
        for metric in plan.metrics
        if not needs_densities(metric)
    ]


def _seconds(metric: Any, codes: Representation) -> float:
    """What other metrics have left in the representation is taken away first."""
    measure = metric.build()
    once = {"ours": lambda: measure(replace(codes, matrices={}), np.random.default_rng(0))}
    return interleaved(once, rounds=1, warm=0)["ours"]
