"""What evidence costs: the default number of samples follows what a decoder multiplies, not how it shares weights."""

from __future__ import annotations

import math

import pytest
import torch

from benchmark.measure.densities import MOST_SAMPLES, WORK, _affordable, _multiplications
from models.networks import conv, linear, mlp


def multiplications_of_conv(side, channels, hidden, latent_dim):
    """4x4 kernels at every position of their input, from the bottom up; then the dense layers."""
    planes = (1, *channels)
    sizes = [side // 2**i for i in range(len(planes))]
    up = sum(16 * planes[i] * planes[i - 1] * sizes[i] ** 2 for i in range(1, len(planes)))
    return up + latent_dim * hidden + hidden * planes[-1] * sizes[-1] ** 2


CASES = [
    (linear((1, 8, 8), torch.full((1, 8, 8), 0.3), latent_dim=5), 5 * 64),
    (mlp((1, 28, 28), torch.full((1, 28, 28), 0.3), latent_dim=50), 50 * 200 + 200 * 200 + 200 * 784),
    (conv((1, 64, 64), torch.full((1, 64, 64), 0.3)), multiplications_of_conv(64, (32, 32, 64, 64), 256, 10)),
]


@pytest.mark.parametrize(("model", "expected"), CASES, ids=["linear", "mlp", "conv"])
def test_multiplications_of_a_decoder(model, expected):
    found = _multiplications(model)
    assert 1 / 1.2 < found / expected < 1.2
    samples = _affordable(model, 1000)
    assert samples == min(MOST_SAMPLES, max(1, math.floor(WORK / 1000 / found)))
    assert samples * 1000 * expected <= 1.2 * WORK or samples == 1
