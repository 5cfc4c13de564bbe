"""What is known of a split without holding it as numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.training.pixels import sum_of_bits


@pytest.mark.parametrize(("n", "width"), [(1, 1), (254, 8), (255, 13), (256, 16), (700, 98)])
def test_bits_are_counted_in_place(n, width):
    """Against all of them unpacked; all ones is the most that the bytes of a word must hold."""
    packed = np.random.default_rng(0).integers(0, 256, (n, width), dtype=np.uint8)
    for images in (packed, np.full_like(packed, 255)):
        expected = np.unpackbits(images, axis=1).sum(0, dtype=np.int64)
        assert np.array_equal(sum_of_bits(torch.from_numpy(images)).numpy(), expected)
