"""VampPriors: the aggregate posterior where they are it, products beside the plain density, weights owned once."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch.func import functional_call

from benchmark.config.compose import compose
from benchmark.store.tensors import expected, owned, restore
from benchmark.training.setup import build_model
from models import vamp
from models.distributions import diagonal_normal
from models.examples import Examples
from models.noise import Stream
from models.posteriors import Encoder, Point
from models.sampling import draw
from models.vamp import Vamp, diagonal_table, log_sum

SHAPE = (1, 3, 4)
X = torch.rand((30, *SHAPE), generator=torch.Generator().manual_seed(0)).round()


def vae(*options, posterior="diagonal", examples=None):
    small = ["model=mlp", "model.latent_dim=3", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]"]
    plan = compose([*small, "prior=vamp", f"posterior={posterior}", "metrics=[rate_distortion]", *options])
    return build_model(plan, SHAPE, X.mean(0), examples or Examples.of(X))


@pytest.mark.parametrize("posterior", ["diagonal", "full", "coupling"])
@pytest.mark.parametrize("options", [("prior=aggregate",), ("prior.num_components=30", "prior.learned=false")])
def test_with_as_many_fixed_pseudo_inputs_as_data_it_is_the_aggregate_posterior(posterior, options):
    model = vae(*options, posterior=posterior).double()
    z = torch.randn((4, 5, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    one_by_one = torch.stack([model.encoder(x[None].double()).log_prob(z[..., None, :])[..., 0] for x in X])
    expected = one_by_one.logsumexp(0) - math.log(len(X))
    torch.testing.assert_close(model.prior().log_prob(z), expected, rtol=1e-10, atol=1e-10)


def test_it_is_the_same_in_pieces(monkeypatch):
    prior = vae("prior.num_components=20").prior()
    z = torch.randn((4, 5, 3), generator=torch.Generator().manual_seed(1))
    whole = prior.log_prob(z)
    monkeypatch.setattr(vamp, "HELD", 60)
    torch.testing.assert_close(prior.log_prob(z), whole)


@pytest.mark.parametrize("spread", [1e-3, 0.1, 1.0])
def test_a_density_by_products_is_the_plain_one_with_its_gradient(spread):
    """Also where in float32 the products alone would be wrong by nats."""
    seeded = torch.Generator().manual_seed(0)
    z, mean, log_stddev = (3 * torch.randn((n, 50), generator=seeded).requires_grad_() for n in (7, 11, 11))
    stddev = spread * (0.1 * log_stddev).exp()
    found = diagonal_table(z, mean, stddev)
    plain = diagonal_normal(mean.double(), stddev.double(), 1).log_prob(z[:, None].double())
    torch.testing.assert_close(found, plain, rtol=2e-7, atol=1e-5)  # 1/s^2 is rounded to float32
    weights = found.detach().softmax(-1)
    gradients = [torch.autograd.grad((weights * value).sum(), (z, mean, log_stddev), retain_graph=True)
                 for value in (found, plain)]  # fmt: skip
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-3)


def test_a_sum_of_shares_is_logsumexp_however_far_apart_they_are():
    table = torch.tensor([[0.0, -1.0, -39.0], [700.0, 100.0, -1e4]], dtype=torch.float64)
    torch.testing.assert_close(log_sum(table), table.logsumexp(-1), rtol=0, atol=1e-15)


def test_the_encoder_is_owned_once_and_seen_by_the_prior():
    model = vae("prior.num_components=5")
    assert [name for name, _ in model.prior.named_parameters()] == ["inputs"]
    z = torch.randn((2, 3), generator=torch.Generator().manual_seed(1))
    before = model.prior().log_prob(z)
    moved = {name: value + 0.1 for name, value in model.named_parameters() if name.startswith("encoder")}
    inside = functional_call(_Seen(model), {f"model.{name}": value for name, value in moved.items()}, (z,))
    twin = copy.deepcopy(model)
    twin.load_state_dict(moved, strict=False)
    torch.testing.assert_close(twin.prior().log_prob(z), inside)
    assert not torch.allclose(inside, before)
    assert torch.equal(model.prior().log_prob(z), before)


class _Seen(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, z):
        return self.model.prior().log_prob(z)


@pytest.mark.parametrize("prior", ["vamp", "aggregate"])
def test_what_is_saved_brings_it_back(prior):
    first, second = (vae(f"prior={prior}", "prior.num_components=5", f"seed={seed}") for seed in (0, 1))
    weights = owned(first)
    assert weights.keys() == expected(second).keys()
    assert weights["prior.inputs"].shape == (5, *SHAPE)
    restore(second, {name: value.clone() for name, value in weights.items()})
    z = torch.randn((2, 3), generator=torch.Generator().manual_seed(1))
    assert torch.equal(first.prior().log_prob(z), second.prior().log_prob(z))


def test_pseudo_inputs_start_as_different_training_rows_and_stay_in_their_range():
    model = vae("prior.num_components=30")
    rows = {tuple(row.round().flatten().tolist()) for row in model.prior.pseudo_inputs()}
    assert rows == {tuple(row.flatten().tolist()) for row in X}
    with torch.no_grad():
        model.prior.inputs += 100.0
    assert model.prior.pseudo_inputs().max() <= 1
    real = vae("prior.num_components=30", examples=Examples.of(4 * X - 2))
    assert real.prior.pseudo_inputs().min() == -2


def test_draws_are_of_all_components():
    prior = vae("prior.num_components=3").prior()
    chosen = draw(prior, 3000, Stream.seeded(0))
    torch.testing.assert_close(chosen.mean(0), prior.mean, atol=0.08, rtol=0)
    torch.testing.assert_close(chosen.var(0), prior.variance, atol=0, rtol=0.15)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"num_components=31: more pseudo-inputs than the 30 training examples"):
        vae("prior.num_components=31")
    with pytest.raises(ValueError, match="a point posterior has no density"):
        vae("prior.num_components=5", posterior="delta")
    with pytest.raises(ValueError, match="call attach of the VAE"):
        Vamp(2)()
    with pytest.raises(ValueError, match="a point posterior"):
        Vamp(2, num_components=2).attach(Encoder(torch.nn.Identity(), Point(3, 2)), Examples.of(torch.randn(4, 3)))
