"""Gradients against exact ones: surrogates, detached posteriors, importance weighting plain and by DReG."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch.distributions import Independent, Laplace
from torch.func import functional_call

from benchmark.checks.gradients import exact_gradient, exact_gradient_where_declared, line_model
from benchmark.checks.laws import Broken
from benchmark.training.setup import build_model
from models import objectives
from models.distributions import diagonal_normal
from models.gradients import detached, weighed_paths, with_gradient
from models.noise import Stream
from models.objectives import beta_vae, elbo, iwae
from models.sampling import draw
from models.vae import VAE, Batch
from tests.support.choices import names_in
from tests.support.composing import compose

SHAPE = (1, 4, 4)


def mlp_and_batch():
    small = ("model=mlp", "model.latent_dim=3", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]")
    model = build_model(compose(small), SHAPE, torch.full(SHAPE, 0.3))
    x = torch.rand((6, *SHAPE), generator=torch.Generator().manual_seed(0)).round().double()
    return model.double(), x


def gradients(model, value):
    parameters = {name: value for name, value in model.named_parameters() if value.requires_grad}
    found = torch.autograd.grad(value, list(parameters.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(parameters, found, strict=True))


def test_a_value_keeps_its_last_bit_and_takes_another_s_gradient():
    a = torch.tensor([0.1, 1e6], requires_grad=True)
    value, surrogate = a.exp().clamp(max=3.3), 7.0 * a**2
    found = with_gradient(value, surrogate)
    assert torch.equal(found, value)
    assert torch.equal(torch.autograd.grad(found.sum(), a)[0], 14 * a.detach())


def test_a_detached_gaussian_has_the_same_values_and_gradients_to_z_alone():
    mean, stddev, z = (torch.rand(4, 3, requires_grad=True) for _ in range(3))
    q = diagonal_normal(mean, stddev, 1)
    held = detached(q)
    assert torch.equal(held.log_prob(z), q.log_prob(z))
    assert (held.batch_shape, held.event_shape) == (q.batch_shape, q.event_shape)
    by_mean, by_stddev, by_z = torch.autograd.grad(held.log_prob(z).sum(), (mean, stddev, z), allow_unused=True)
    assert by_mean is None
    assert by_stddev is None
    torch.testing.assert_close(by_z, torch.autograd.grad(q.log_prob(z).sum(), z)[0])


def test_what_cannot_be_detached_refuses_and_an_own_method_comes_first():
    with pytest.raises(ValueError, match=r"^Laplace has no method detached\(\): its density cannot be held fixed"):
        detached(Independent(Laplace(torch.zeros(3), 1.0), 1))

    class Own(Laplace):
        def detached(self):
            return Own(self.loc.detach(), self.scale.detach())

    loc = torch.zeros(3, requires_grad=True)
    for q in (Own(loc, torch.ones(3)), Independent(Own(loc, torch.ones(3)), 1)):
        assert not detached(q).log_prob(torch.ones(3)).requires_grad


@pytest.mark.parametrize("num_samples", [1, 2, 7])
def test_dreg_weighs_the_paths_of_the_encoder_twice_and_all_else_once(num_samples):
    """Written out: v_k^2 d log w_k / dz_k dz_k / dphi, and v_k d log w_k / dtheta; the value is L_K to the last bit."""
    model, x = mlp_and_batch()
    plain, dreg = (
        iwae(model, Batch(x, noise=Stream.seeded(1)), num_samples=num_samples, gradient=gradient)
        for gradient in ("plain", "dreg")
    )
    assert torch.equal(plain, dreg)
    found, of_plain = gradients(model, dreg.mean()), gradients(model, plain.mean())
    posterior = model.encoder(x)
    z = draw(posterior, num_samples, Stream.seeded(1))
    leaf = z.detach().requires_grad_()
    log_w = model.decode(x, leaf, detached(posterior)).log_w
    weights = log_w.softmax(0).detach()
    [by_z] = torch.autograd.grad(log_w.sum(), leaf)
    by_path = gradients(model, (z * by_z * weights[..., None] ** 2).sum() / len(x))
    for name, gradient in found.items():
        expected = by_path if name.startswith("encoder") else of_plain
        torch.testing.assert_close(gradient, expected[name])
    encoders = [name for name in found if name.startswith("encoder")]
    assert any((found[name] - of_plain[name]).abs().max() > 1e-6 for name in encoders)


def test_dreg_encodes_and_decodes_once():
    model, x = mlp_and_batch()
    seen = []
    for part in (model.encoder, model.decoder):
        part.register_forward_hook(lambda module, inputs, output: seen.append(tuple(inputs[0].shape)))
    iwae(model, Batch(x, noise=Stream.seeded(1)), num_samples=5, gradient="dreg").mean().backward()
    assert seen == [(6, *SHAPE), (5, 6, 3)]


def test_a_path_without_a_weight_gets_no_gradient():
    z = torch.ones((2, 3, 1), requires_grad=True)
    paths, zeros = weighed_paths(z)
    value = ((paths[..., 0] + zeros).logsumexp(0) * torch.tensor([0.0, 1.0, -2.0])).sum()
    expected = torch.tensor([0.0, 0.25, -0.5]).expand(2, 3)[..., None]
    assert torch.equal(torch.autograd.grad(value, z)[0], expected)


@pytest.mark.parametrize("name", names_in("objective"))
def test_gradients_that_are_declared_unbiased_are_exact(name):
    exact_gradient_where_declared(compose([f"objective={name}"]))


@pytest.mark.parametrize("kl", ["analytic", "monte_carlo"])
@pytest.mark.parametrize("num_samples", [1, 2])
def test_both_kinds_of_kl_have_the_exact_gradient(kl, num_samples):
    for objective in (elbo, partial(beta_vae, beta=3.0, warmup_fraction=0.5)):
        exact_gradient(partial(objective, kl=kl, num_samples=num_samples))


def sticking_the_landing(model: VAE, batch: Batch, *, num_samples: int = 2):
    """Weights once where DReG has them twice *(Roeder et al., 2017)*: the ELBO's gradient at K = 1, biased beyond."""
    posterior = model.encoder(batch.x)
    z = draw(posterior, num_samples, batch.noise)
    log_w = model.decode(batch.x, z, detached(posterior)).log_w
    bound = log_w.logsumexp(0) - math.log(num_samples)
    return with_gradient(bound, (log_w.softmax(0).detach() * log_w).sum(0))


def test_a_biased_gradient_is_caught():
    exact_gradient(partial(sticking_the_landing, num_samples=1))
    with pytest.raises(Broken, match=r"^the gradient of encoder.slope has bias 0\.26\d* at K=2$"):
        exact_gradient(sticking_the_landing, "K=2")
    with pytest.raises(Broken, match=r"^draws noise of shapes \[\(3, 1, 1\)\]; expected one or two samples"):
        exact_gradient(partial(iwae, num_samples=3))


def test_the_bounds_are_declared_unbiased():
    assert {elbo, beta_vae, iwae} <= set(objectives.UNBIASED)


def test_the_gradient_of_the_elbo_is_that_of_its_closed_form():
    """E log N(x; w z + c, s^2) - KL(N(m, v) || N(m0, v0)) of the model of one dimension, differentiated by torch."""
    model = line_model()
    q, p, prior = model.encoder, model.decoder, model.prior
    x = torch.full((20_000, 1), 1.1, dtype=torch.float64)
    m = q.slope * 1.1 + q.offset
    v, s2, v0 = ((2 * part.log_scale).exp() for part in (q, p, prior))
    distortion = 0.5 * ((2 * math.pi * s2).log() + ((1.1 - p.slope * m - p.offset) ** 2 + p.slope**2 * v) / s2)
    rate = 0.5 * ((v + (m - prior.offset) ** 2) / v0 - 1 + (v0 / v).log())
    exact = gradients(model, -(rate + distortion))
    for kl in ("analytic", "monte_carlo"):
        each = by_row(partial(elbo, kl=kl), x)
        for name, rows in each.items():
            assert abs(rows.mean() - exact[name]) <= 4 * rows.std() / math.sqrt(len(x)) + 1e-12, (kl, name)


def by_row(objective, x, model=None):
    """The gradient of each example's value by every parameter of the model of one dimension, {name: (B,)}."""
    model = line_model() if model is None else model
    wide = {name: value.detach().expand(len(x), 1) for name, value in model.named_parameters()}
    copies = {name: value.clone().requires_grad_() for name, value in wide.items()}

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self):
            return objective(self.model, Batch(x, noise=Stream.seeded(0)))

    value = functional_call(Whole(), {f"model.{name}": value for name, value in copies.items()}, ())
    found = torch.autograd.grad(value.sum(), list(copies.values()), allow_unused=True, materialize_grads=True)
    return {name: gradient[:, 0] for name, gradient in zip(copies, found, strict=True)}


@pytest.mark.parametrize("num_samples", [5, 50])
def test_dreg_and_plain_have_one_mean_and_dreg_the_lower_variance(num_samples):
    x = torch.full((10_000, 1), 1.1, dtype=torch.float64)
    plain, dreg = (by_row(partial(iwae, num_samples=num_samples, gradient=way), x) for way in ("plain", "dreg"))
    for name in plain:
        difference = plain[name] - dreg[name]
        if not name.startswith("encoder"):
            torch.testing.assert_close(plain[name], dreg[name])
            continue
        assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(len(x)), name
        assert plain[name].var() > num_samples * dreg[name].var(), name


@pytest.mark.parametrize("num_samples", [1, 2, 9])
def test_at_the_posterior_dreg_has_no_variance(num_samples):
    """All weights are equal there, and log w is flat along every path; the plain gradient is not zero."""
    model = line_model()
    p, prior, q = model.decoder, model.prior, model.encoder
    with torch.no_grad():
        s2, v0 = (2 * p.log_scale).exp(), (2 * prior.log_scale).exp()
        variance = 1 / (1 / v0 + p.slope**2 / s2)
        q.slope.copy_(variance * p.slope / s2)
        q.offset.copy_(variance * (prior.offset / v0 - p.slope * p.offset / s2))
        q.log_scale.copy_(0.5 * variance.log())
    x = torch.linspace(-2, 2, 50, dtype=torch.float64)[:, None]
    plain, dreg = (by_row(partial(iwae, num_samples=num_samples, gradient=way), x, model) for way in ("plain", "dreg"))
    for name in ("encoder.slope", "encoder.offset", "encoder.log_scale"):
        assert dreg[name].abs().max() < 1e-12
        assert plain[name].abs().max() > 1e-2
