"""Where conf/ and the fixtures are, the choices there are, and small plans and data sets that every test may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets import Dataset

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
CONF = ROOT / "conf"
TINY = (
    "dataset=digits",
    "model.latent_dim=4",
    "trainer.steps=30",
    "trainer.validations=3",
    "metrics=[rate_distortion,information]",
)


on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


def names_in(group: str) -> list[str]:
    """Every choice of a group, nested ones as folder/name."""
    folder = CONF / group
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml"))


def image_dataset(shape: tuple[int, ...], storage: str = "uint8", binarisation: str = "dynamic") -> Dataset:
    """60 random images of a shape, with two factors."""
    rng = np.random.default_rng(0)
    size = int(np.prod(shape))
    if storage == "bits":
        images = np.packbits(rng.random((60, size)) < 0.3, axis=1)
    elif storage == "float":
        images = rng.standard_normal((60, *shape)).astype(np.float32)
    else:
        images = rng.integers(0, 256, (60, *shape)).astype(np.uint8)
    splits = {name: np.arange(i, 60, 4) for i, name in enumerate(("train", "validation", "probe", "test"))}
    factors = np.stack([np.arange(60) % 3, np.arange(60) % 5], axis=1).astype(float)
    return Dataset("tiny", images, shape, storage, binarisation, splits, factors, ("a", "b"), ("discrete", "discrete"))  # type: ignore[arg-type]
