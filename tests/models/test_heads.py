"""Laws over every posterior, prior and likelihood that can be chosen, and known answers of single ones (nats)."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from benchmark.checks import heads
from benchmark.checks.laws import Broken
from benchmark.training.setup import build_model
from models.distributions import Delta, FullGaussian, GaussianMixture, NoDensity, diagonal_normal, mean_covariance
from models.divergences import closed_form_kl, kl_per_dimension
from models.evidence import importance_evidence, rates_and_distortions
from models.likelihoods import Gaussian
from models.logistic import LogisticMixture
from models.noise import Stream
from models.posteriors import Diagonal, Full
from models.priors import StandardNormal
from models.sampling import draw
from models.types import Scale
from tests.support.choices import names_in
from tests.support.composing import compose

POSTERIORS, PRIORS, LIKELIHOODS = (names_in(group) for group in ("posterior", "prior", "likelihood"))


SMALL = {"vamp": ["prior.num_components=20"], "aggregate": ["prior.num_components=20"]}
SMALL |= {"coupling": ["posterior.hidden=6", "posterior.num_layers=2"], "autoregressive": ["prior.hidden=[20]"]}
SMALL |= {flow: ["prior.hidden=[10]", "prior.transforms=2"] for flow in ("maf", "nsf")}
SMALL |= {"logistic": ["likelihood.num_components=2"]}
SMALL |= {"pixelcnn": ["likelihood.layers=2", "likelihood.features=3"]}
PAIRS = [("diagonal", prior) for prior in PRIORS] + [("full", "vamp"), ("coupling", "vamp")]
PAIRS += [(name, "standard_normal") for name in POSTERIORS if name not in ("delta", "diagonal")]


def head_of(group, name):
    if name in ("maf", "nsf"):
        pytest.importorskip("zuko", reason="flows are zuko's")
    small = [option for option in SMALL.get(name, ()) if option.startswith(group)]
    return compose([f"{group}={name}", *small, "metrics=[rate_distortion]"]).heads[group].build()


@pytest.mark.parametrize("name", POSTERIORS)
def test_posteriors_integrate_to_one_and_samples_and_moments_agree(name):
    heads.posterior_laws(head_of("posterior", name))


@pytest.mark.parametrize("raw", [-10.0, -60.0, -400.0])
@pytest.mark.parametrize("scale", [*get_args(Scale), "full"])
def test_however_narrow_a_posterior_is_its_rate_is_finite_and_has_a_gradient_that_widens_it(scale, raw):
    """As narrow as the first steps of a ramp make it, in which nothing presses on the rate."""
    made = Full(4, 2) if scale == "full" else Diagonal(4, 2, scale=scale)
    spread = made.log_diagonal if isinstance(made, Full) else made.log_stddev
    spread = spread if isinstance(spread, torch.nn.Parameter) else spread.bias
    with torch.no_grad():
        spread.fill_(raw)
    rate = closed_form_kl(made.distribution(made(torch.randn(3, 4))), StandardNormal(2)())
    rate.sum().backward()
    assert rate.isfinite().all()
    assert ((spread.grad < -0.4) & spread.grad.isfinite()).all()


@pytest.mark.parametrize("name", PRIORS)
def test_priors_integrate_to_one_and_samples_and_moments_agree(name):
    heads.prior_laws(head_of("prior", name))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_are_normalised_and_predict_the_mean(name):
    heads.likelihood_laws(head_of("likelihood", name))


@pytest.mark.parametrize("posterior", POSTERIORS)
@pytest.mark.parametrize("prior", PRIORS)
def test_closed_forms_of_the_rate_are_those_of_draws(posterior, prior):
    heads.divergence_laws(head_of("posterior", posterior), head_of("prior", prior))


@pytest.mark.parametrize(("posterior", "prior"), PAIRS)
def test_bounds_are_ordered_for_all_heads(posterior, prior):
    """ELBO <= L_5 <= L_100 on average, whatever the heads."""
    head_of("prior", prior)
    shape = (1, 4, 4)
    options = ["model=mlp", "model.latent_dim=2", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]"]
    options += [*SMALL.get(posterior, ()), *SMALL.get(prior, ()), "metrics=[rate_distortion]"]
    plan = compose([*options, f"posterior={posterior}", f"prior={prior}"])
    model = build_model(plan, shape, torch.full(shape, 0.3))
    x = torch.rand((100, *shape), generator=torch.Generator().manual_seed(0)).round()
    found = rates_and_distortions(model, x, num_samples=200, noise=Stream.seeded(1))
    elbo = float(-(found.rate + found.distortion).mean())
    assert found.closed_form == (prior in ("standard_normal", "learned_normal") and posterior != "coupling")
    bounds = [elbo] + [
        float(importance_evidence(model, x, num_samples=k, noise=Stream.seeded(2)).log_evidence.mean())
        for k in (5, 100)
    ]
    assert bounds[0] <= bounds[1] + 0.02 <= bounds[2] + 0.04


class WideDraws(FullGaussian):
    """A Gaussian whose draws are wider than it says."""

    def draw(self, num_samples, noise):
        return self.loc + 1.2 * (super().draw(num_samples, noise) - self.loc)


class Wider(Full):
    """A posterior of such Gaussians."""

    def distribution(self, tensors):
        q = super().distribution(tensors)
        return WideDraws(q.loc, q.scale_tril)


class Unnormalised(StandardNormal):
    """A prior without its constant."""

    def forward(self):
        p = super().forward()
        log_prob, p.log_prob = p.log_prob, lambda z: log_prob(z) + 0.5 * math.log(2 * math.pi)
        return p


class Doubled(Gaussian):
    """A likelihood whose density is of twice its mean."""

    def bias(self, mean):
        return 2 * super().bias(mean)


class Twofold(LogisticMixture):
    """A likelihood that takes twice the probability of every level."""

    def forward(self, output):
        p = super().forward(output)
        p.log_weights = p.log_weights + math.log(2)
        return p


@pytest.mark.parametrize(
    ("law", "build", "why"),
    [
        (heads.posterior_laws, Wider, "the variance of draws is"),
        (heads.prior_laws, Unnormalised, "the density integrates to 2.5066"),
        (heads.likelihood_laws, Doubled, "with the bias of a mean"),
        (heads.likelihood_laws, Twofold, r"p\(x\|z\) sums to \[(2.0|1.99)"),
        (heads.prior_laws, lambda d: torch.nn.Linear(d, d), "missing 1 required"),
    ],
)
def test_the_laws_find_what_breaks_them(law, build, why):
    with pytest.raises((Broken, TypeError), match=why):
        law(build)


def test_a_full_gaussian_is_that_of_torch():
    factor = torch.tensor([[0.8, 0.0], [-0.5, 0.3]], dtype=torch.float64)
    q = FullGaussian(torch.tensor([1.0, -2.0], dtype=torch.float64), factor)
    z = torch.randn((7, 2), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(q.log_prob(z), MultivariateNormal(q.loc, factor @ factor.T).log_prob(z))
    drawn = draw(q, 100_000, Stream.seeded(1))
    torch.testing.assert_close(torch.cov(drawn.T), factor @ factor.T, atol=0.01, rtol=0.02)
    torch.testing.assert_close(mean_covariance(FullGaussian(q.loc[None], factor[None])), factor @ factor.T)


def test_the_rate_of_a_full_gaussian_is_that_of_torch():
    factor = torch.tensor([[0.8, 0.0], [-0.5, 0.3]], dtype=torch.float64)
    mean, loc, spread = (torch.tensor(v, dtype=torch.float64) for v in ([1.0, -2.0], [0.3, 0.1], [2.0, 0.5]))
    expected = kl_divergence(
        MultivariateNormal(mean, scale_tril=factor), MultivariateNormal(loc, torch.diag(spread**2))
    )
    torch.testing.assert_close(closed_form_kl(FullGaussian(mean, factor), diagonal_normal(loc, spread, 1)), expected)


def test_a_rate_falls_apart_where_posterior_and_prior_do():
    mean, spread = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.5, 2.0]])
    q, p = diagonal_normal(mean, spread, 1), diagonal_normal(torch.tensor([0.5, 0.0]), torch.tensor([2.0, 1.0]), 1)
    per_dimension = kl_per_dimension(q, p)
    by_hand = (
        torch.log(torch.tensor([2.0, 1.0]) / spread)
        + (spread**2 + (mean - torch.tensor([0.5, 0.0])) ** 2) / (2 * torch.tensor([4.0, 1.0]))
        - 0.5
    )
    torch.testing.assert_close(per_dimension, by_hand)
    torch.testing.assert_close(per_dimension.sum(-1), closed_form_kl(q, p))
    assert kl_per_dimension(FullGaussian(mean, torch.diag_embed(spread)), p) is None


def test_a_mixture_of_equal_components_is_that_component():
    loc, spread = torch.tensor([[0.5, -1.0]]).repeat(3, 1), torch.tensor([[0.7, 2.0]]).repeat(3, 1)
    mixture = GaussianMixture(torch.tensor([0.3, -1.0, 2.0]), loc, spread)
    z = torch.randn((4, 5, 2), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(mixture.log_prob(z), diagonal_normal(loc[0], spread[0], 1).log_prob(z))
    torch.testing.assert_close(mixture.responsibilities(z)[0, 0], torch.tensor([0.3, -1.0, 2.0]).softmax(0))


def test_a_mixture_draws_its_components_by_their_weights():
    weights = torch.tensor([0.7, 0.2, 0.1])
    mixture = GaussianMixture(weights.log(), torch.tensor([[-50.0], [0.0], [50.0]]), torch.ones(3, 1))
    z = draw(mixture, 20_000, Stream.seeded(0))
    found = torch.tensor([float(((z + 50 - 50 * c).abs() < 10).float().mean()) for c in range(3)])
    torch.testing.assert_close(found, weights, atol=0.015, rtol=0)


def test_a_point_has_no_density():
    point = Delta(torch.zeros(3, 2))
    for ask in (lambda: point.log_prob(torch.zeros(3, 2)), point.detached,
                lambda: closed_form_kl(point, Independent(Normal(torch.zeros(2), torch.ones(2)), 1))):  # fmt: skip
        with pytest.raises(NoDensity, match="point posterior has no density"):
            ask()


def test_a_variance_for_each_pixel_is_learned_from_what_the_decoder_gives():
    """log p(x|z) of a Gaussian whose two outputs are known."""
    shape = (2, 3)
    head = head_of("likelihood", "gaussian_per_pixel")(shape).double()
    output = torch.randn((4, 2, *shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.rand((4, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    lowest = 2 * math.log(1e-3)
    variance = (lowest + torch.nn.functional.softplus(output[:, 1] - lowest)).exp()
    expected = Normal(output[:, 0], variance.sqrt()).log_prob(x).sum((-1, -2))
    torch.testing.assert_close(head(output).log_prob(x), expected)
    far = torch.full((1, 2, *shape), -1e4, dtype=torch.float64)
    assert float(head(far).stddev.min()) == pytest.approx(1e-3)
