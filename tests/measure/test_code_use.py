"""Whether a decoder uses its code: nothing where it ignores it, and by hand where it is linear."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from benchmark.measure.code_use import code_use
from benchmark.measure.densities import TrainedModel
from benchmark.measure.encode import encode
from metrics.core import Inapplicable
from models.distributions import Delta
from models.heads import Heads
from models.likelihoods import Gaussian
from models.networks import linear
from models.noise import Stream


def trained(weight, count=6):
    model = linear((3,), torch.zeros(3), Heads(likelihood=Gaussian), latent_dim=3).double()
    with torch.no_grad():
        model.decoder.network.weight.copy_(weight * torch.eye(3))
        model.decoder.network.bias.zero_()
    x = torch.randn((count, 3), generator=torch.Generator().manual_seed(0)).double()
    return model, x, lambda of: TrainedModel(SimpleNamespace(), SimpleNamespace(), model, x, of, Stream.seeded(0))


def test_a_decoder_that_ignores_its_code_gains_nothing():
    model, x, make = trained(0.0)
    found = {score.name: score for score in code_use(make(encode(model, x)))}
    assert (found["code_gain"].value, found["code_gain"].stderr) == (0.0, 0.0)


def test_the_code_of_another_example_costs_what_it_misses():
    _, x, make = trained(1.0)
    found = {score.name: score.value for score in code_use(make([Delta(x)]))}  # x is its own code: nothing is missed
    other = x.roll(1, 0)
    assert found["code_gain"] == pytest.approx(float(0.5 * (x - other).square().sum(1).mean()))


def test_one_example_has_no_other():
    model, x, make = trained(1.0, count=1)
    with pytest.raises(Inapplicable, match="one example"):
        code_use(make(encode(model, x)))
