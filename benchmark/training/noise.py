"""Separate streams of randomness for initialisation, order, noise and evaluation, all from one seed."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch

from models.noise import Stream


def seed_of(seed: int, name: str) -> int:
    """A 63-bit seed for the stream of that name: streams of one seed are independent of each other."""
    state = np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def torch_stream(seed: int, name: str, device: Any = "cpu") -> torch.Generator:
    """A generator on the device for that stream."""
    return torch.Generator(device=device).manual_seed(seed_of(seed, name))


def noise_stream(seed: int, name: str, device: Any = "cpu") -> Stream:
    """What objectives and estimators ask for, of that stream."""
    return Stream.seeded(seed_of(seed, name), device)


def numpy_stream(seed: int, name: str) -> np.random.Generator:
    """The same for numpy."""
    return np.random.default_rng(seed_of(seed, name))
