"""Coupling posteriors, autoregressive priors, flows, rates with floors: known answers, gradients, stacks, refusals."""

from __future__ import annotations

import math
import sys

import pytest
import torch
from torch.distributions import Normal

from benchmark.checks import stacking
from benchmark.checks.objectives import value_of
from benchmark.measure.encode import encoded
from benchmark.training.setup import build_model, build_objective
from models.autoregressive import Autoregressive
from models.coupling import Coupling
from models.delta_vae import DeltaVAE, log_greatest_stddev
from models.distributions import assumed_density, diagonal_normal, mean_covariance
from models.examples import Examples
from models.likelihoods import Bernoulli
from models.noise import Stream
from models.posteriors import Diagonal, Encoder
from models.priors import LearnedNormal, StandardNormal
from models.readouts import amortised
from models.sampling import draw
from models.vae import VAE, Decoder
from tests.support.choices import names_in
from tests.support.composing import compose

SMALL = ["model=mlp", "model.latent_dim=3", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]"]
HEADS = {
    "vamp": ("prior=vamp", "prior.num_components=4"),
    "autoregressive": ("prior=autoregressive", "prior.hidden=[8]"),
    "coupling": ("posterior=coupling", "posterior.hidden=6"),
    "delta_vae": ("posterior=delta_vae",),
    "vamp and coupling": ("prior=vamp", "prior.num_components=4", "posterior=coupling", "posterior.hidden=6"),
    "maf": ("prior=maf", "prior.hidden=[8]"),
    "nsf": ("prior=nsf", "prior.hidden=[8]", "prior.bins=4"),
}


def plan_of(name, *options):
    if name in ("maf", "nsf"):
        pytest.importorskip("zuko", reason="flows are zuko's")
    return compose([*SMALL, *HEADS[name], "metrics=[rate_distortion]", *options])


@pytest.fixture(scope="module")
def flow():
    torch.manual_seed(0)
    head = Coupling(5, 4, hidden=6).double()
    with torch.no_grad():
        head.outputs *= 100
        return head.distribution(head(torch.randn(3, 5, dtype=torch.float64)))


def test_the_density_of_a_coupling_flow_is_that_of_its_change_of_variables(flow):
    e = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    z = flow.draw(1, _As(e))[0]
    jacobian = torch.autograd.functional.jacobian(lambda noise: flow.draw(1, _As(noise))[0], e)
    for one in range(3):
        _, volume = torch.linalg.slogdet(jacobian[one, :, one])
        expected = Normal(0, 1).log_prob(e[one]).sum() - volume
        torch.testing.assert_close(flow.log_prob(z)[one], expected, rtol=1e-9, atol=1e-9)


class _As:
    """Noise that is given."""

    def __init__(self, e):
        self.e = e

    def normal(self, shape, like):
        return self.e.expand(shape)


def test_a_coupling_flow_starts_close_to_its_gaussian():
    torch.manual_seed(0)
    head = Coupling(5, 4)
    tensors = head(torch.randn(3, 5))
    z = torch.randn(100, 3, 4)
    near = diagonal_normal(tensors["mean"], tensors["log_stddev"].exp(), 1).log_prob(z)
    assert (head.distribution(tensors).log_prob(z) - near).abs().mean() < 0.1 * near.abs().mean()


def test_stated_moments_are_those_of_many_draws_and_the_same_again(flow):
    flow = flow.detached()
    drawn = draw(flow, 50_000, Stream.seeded(0))
    torch.testing.assert_close(flow.mean, drawn.mean(0), rtol=0, atol=4 * float(flow.stddev.max()) / 16)
    torch.testing.assert_close(flow.stddev, drawn.std(0), rtol=0.2, atol=0)
    covariance = torch.stack([torch.cov(drawn[:, one].T) for one in range(3)]).mean(0)
    torch.testing.assert_close(mean_covariance(flow), covariance, rtol=0.3, atol=0.1 * float(covariance.max()))
    assert torch.equal(flow.detached().mean, flow.mean)  # anew, of the same noise


def test_codes_of_a_coupling_flow_are_read_and_no_diagonal_is_assumed(flow):
    reading = amortised(None, torch.zeros(3, 1), flow.detached(), Stream.seeded(0))
    assert assumed_density(flow) is None
    found = encoded([reading])
    assert found.density is None
    assert set(found.views) == {"mean", "sample"}


def test_an_autoregressive_prior_draws_what_it_scores():
    """E_p[log p] by its own draws is minus the entropy that a grid gives."""
    torch.manual_seed(0)
    prior = Autoregressive(2, num_components=3, hidden=(16,)).double()
    with torch.no_grad():
        prior.network.output.weight *= 10
    p = prior()
    axis = torch.linspace(-12, 12, 401, dtype=torch.float64)
    log_p = p.log_prob(torch.cartesian_prod(axis, axis))
    volume = float(axis[1] - axis[0]) ** 2
    assert abs(log_p.exp().sum().item() * volume - 1) < 1e-3
    entropy = -float((log_p.exp() * log_p).sum()) * volume
    found = -p.log_prob(draw(p, 20_000, Stream.seeded(1)))
    assert abs(float(found.mean()) - entropy) < 5 * float(found.std()) / math.sqrt(20_000) + 1e-3


@pytest.mark.parametrize("name", HEADS)
def test_models_of_these_heads_are_in_a_stack_what_they_are_alone(name):
    stacking.same_values_when_stacked(plan_of(name))


@pytest.mark.parametrize("name", HEADS)
def test_a_gradient_reaches_every_parameter(name):
    plan = plan_of(name)
    model = build_model(plan, (1, 12, 12), torch.full((1, 12, 12), 0.3))
    value_of(model, build_objective(plan, model, torch.device("cpu"))).mean().backward()
    silent = [key for key, weight in model.named_parameters() if not (weight.grad is not None and weight.grad.any())]
    assert not silent


@pytest.mark.parametrize("rate", [1e-4, 0.1, 1.0, 20.0])
def test_the_rate_of_a_delta_vae_has_its_floor_whatever_x_is(rate):
    highest = log_greatest_stddev(rate)
    assert 0.5 * math.expm1(2 * highest) - highest == pytest.approx(rate, rel=1e-9)
    torch.manual_seed(0)
    head = DeltaVAE(6, 4, rate=rate).double()
    h = torch.cat([scale * torch.randn(200, 6) for scale in (0, 0.1, 1, 30)]).double()
    with torch.no_grad():
        head.mean.weight[:2], head.mean.bias[:2] = 0, 0  # nothing but the spread is left to these
    found = _kl(head.distribution(head(h)))
    assert (found >= rate * (1 - 1e-9)).all()
    with torch.no_grad():
        head.spread.bias.fill_(1e4)  # as wide as may be
    assert _kl(head.distribution(head(h)))[:, :2].max() == pytest.approx(rate, rel=1e-6)


def _kl(q):
    return (0.5 * (q.mean**2 + q.stddev**2 - 1) - q.stddev.log()).detach()


@pytest.mark.parametrize("prior", ["learned_normal", "mixture", "autoregressive"])
def test_a_delta_vae_with_another_prior_is_refused(prior):
    with pytest.raises(ValueError, match=r"the floor of a delta-VAE's rate holds against N\(0, I\) alone; use prior="):
        build_model(plan_of("delta_vae", f"prior={prior}"), (1, 4, 4), torch.full((1, 4, 4), 0.3))


def test_a_vae_by_hand_lets_its_parts_know_each_other():
    encoder, decoder = (
        Encoder(torch.nn.Flatten(), DeltaVAE(4, 2)),
        Decoder(torch.nn.Linear(2, 4), (4,), Bernoulli((4,))),
    )
    VAE(encoder, decoder, StandardNormal(2)).attach(Examples.of(torch.zeros(3, 4)))
    with pytest.raises(ValueError, match="delta-VAE"):
        VAE(encoder, decoder, LearnedNormal(2)).attach(Examples.of(torch.zeros(3, 4)))
    assert Encoder(torch.nn.Flatten(), Diagonal(4, 2)).head.refuse(LearnedNormal(2)) is None


def test_without_zuko_a_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(ValueError, match=r"not installed; pip install 'betterbound\[flows\]'"):
        build_model(compose([*SMALL, "prior=maf"]), (1, 4, 4), torch.full((1, 4, 4), 0.3))


WITHOUT = {"beta_tcvae": "a diagonal Gaussian", "free_bits": "axes are independent Gaussians"}


@pytest.mark.parametrize("objective", [name for name in names_in("objective") if name != "untrained"])
def test_every_objective_takes_a_prior_of_pseudo_inputs_and_a_flow_or_says_why_not(objective):
    plan = plan_of("vamp and coupling", f"objective={objective}")
    model = build_model(plan, (1, 12, 12), torch.full((1, 12, 12), 0.3))
    built = build_objective(plan, model, torch.device("cpu"))
    if objective in WITHOUT:
        with pytest.raises(ValueError, match=WITHOUT[objective]):
            value_of(model, built)
    else:
        assert value_of(model, built).isfinite().all()
