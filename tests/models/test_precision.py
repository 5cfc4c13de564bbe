"""Networks in bf16: what is rounded, what is not, and how far objectives are from their values in float32."""

from __future__ import annotations

from itertools import cycle

import pytest
import torch
from torch import nn

from benchmark.config.compose import Composer
from benchmark.training.setup import build_model, build_objective
from models import precision
from models.auxiliary import auxiliaries_of
from models.noise import Stream
from models.precision import Rounded, networks_in, through
from models.vae import Batch
from tests.support.choices import names_in
from tests.support.composing import compose

SHAPE = (1, 12, 12)
ROUNDING = 2.0**-8  # the relative error of one number
SMALL = ("model.latent_dim=4", "model.encoder_hidden=[24]", "model.decoder_hidden=[24]")
OBJECTIVES = [name for name in names_in("objective") if name != "untrained"]


def images(size=7):
    return torch.rand((size, *SHAPE), generator=torch.Generator().manual_seed(0)).round()


def values_and_gradients(plan, chosen):
    """Every value that an objective has updates for, with the gradients of what it trains."""
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    objective = build_objective(plan, model, torch.device("cpu"))
    found = []
    trained = [(objective, model), *((own.value, own.module) for own in auxiliaries_of(objective))]
    for of, module in trained:
        with networks_in(chosen):
            value = of(model, Batch(images(), 100, 100, Stream.seeded(1), 100)).mean()
        found.append((value, torch.autograd.grad(value, list(module.parameters()))))
    return found


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_has_nearly_its_value_and_gradient_in_bf16(name):
    plan = compose([f"objective={name}", *SMALL])
    both = (values_and_gradients(plan, chosen) for chosen in ("fp32", "bf16"))
    for (plain, exact), (value, rounded) in zip(*both, strict=True):
        assert value.dtype == torch.float32
        assert abs(value - plain) < 4 * ROUNDING * abs(plain)
        assert all(one.dtype == torch.float32 and one.isfinite().all() for one in rounded)
        one, other = (torch.cat([part.flatten() for part in of]) for of in (exact, rounded))
        assert torch.cosine_similarity(one, other, dim=0) > 0.97  # a discriminator's gradients nearly cancel


@pytest.mark.parametrize(
    ("posterior", "likelihood"), [*zip(names_in("posterior"), cycle(names_in("likelihood")), strict=False)]
)
def test_heads_draws_and_densities_are_float32(posterior, likelihood):
    plan = compose([f"posterior={posterior}", f"likelihood={likelihood}", *SMALL])
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    with networks_in("bf16"):
        inference = model.infer(images(), 2, Stream.seeded(0))
        tensors = model.encoder.tensors(images())
    found = [inference.z, inference.log_px_z, inference.log_pz, inference.posterior.mean, *tensors.values()]
    found += [inference.log_w, inference.kl] if posterior != "delta" else []
    assert {one.dtype for one in found} == {torch.float32}


def test_fp32_is_what_it_was_and_bf16_ends_with_its_context():
    network, x = nn.Linear(5, 3), torch.rand(4, 5)
    with networks_in("bf16"):
        with networks_in("fp32"):
            assert torch.equal(through(network, x), network(x))
        assert not torch.equal(through(network, x), network(x))
    assert torch.equal(through(network, x), network(x))


NETWORKS = {
    "dense": (lambda: nn.Sequential(nn.Linear(40, 30), nn.Tanh(), nn.Linear(30, 20)), (6, 40)),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 4, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1)
        ),
        (3, 2, 8, 8),
    ),
    "normalised": (lambda: nn.Sequential(nn.Linear(40, 30), nn.LayerNorm(30), nn.Softmax(-1)), (6, 40)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_without_bf16_instructions_the_numbers_are_those_of_torchs_bf16(name, monkeypatch):
    """Values and gradients, up to what another order of sums does to a rounding."""
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network, x = make(), torch.randn(shape)
    found = []
    for instructions in (True, False):
        monkeypatch.setattr(precision, "has_bf16", lambda device, told=instructions: told)
        with networks_in("bf16"):
            value = through(network, x)
        found.append([value, *torch.autograd.grad(value.square().sum(), list(network.parameters()))])
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype == torch.float32
        assert (one - other).norm() <= 3 * ROUNDING * one.norm()


def test_products_take_rounded_factors_and_give_rounded_sums():
    """1 + 2^-9 is 1 in bf16, and 1 + 2^-7 is itself; 256 ones and another are 256."""
    weight = torch.tensor([[1 + 2.0**-9], [1 + 2.0**-7]])
    with Rounded():
        assert nn.functional.linear(torch.ones(1, 1), weight).float().tolist() == [[1.0, 1 + 2.0**-7]]
        assert nn.functional.linear(torch.ones(1, 257), torch.ones(1, 257)).item() == 256
        assert nn.functional.linear(torch.ones(1, 1).double(), weight.double()).dtype == torch.float64


def test_precision_is_part_of_what_a_run_is_unless_it_is_fp32():
    composer = Composer()
    plain = composer.plan([])
    assert "precision" not in plain.identity["trainer"]
    rounded = composer.plan(["trainer.precision=bf16"])
    assert rounded.identity["trainer"]["precision"] == "bf16"
    assert rounded.folder != plain.folder
