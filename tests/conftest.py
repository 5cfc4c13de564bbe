"""Small data sets and plans that every test may use; nothing here reads a network or a user's folders."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from benchmark.config.compose import compose
from benchmark.datasets import Dataset
from benchmark.training.loading import with_data

CONF = Path(__file__).parent.parent / "conf"
TINY = (
    "dataset=digits",
    "model.latent_dim=4",
    "trainer.steps=30",
    "trainer.validations=3",
    "metrics=[rate_distortion,information]",
)


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


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """A command may give the root logger a handler with the captured stream of its test, closed by the next one."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """One cache folder for the whole session, so that data are made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def plan_of_run(tmp_path, cache_dir):
    """A function from overrides to the complete plan of a tiny run in a folder of its own."""

    def build(*overrides: str):
        return with_data(compose([*TINY, f"results_dir={tmp_path}", f"cache_dir={cache_dir}", *overrides]))

    return build
