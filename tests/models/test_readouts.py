"""Readouts against closed forms: linear-Gaussian posteriors, enumerated q_EW, and bounds that rise with K."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from models.evidence import bounds, counts_up_to, importance_evidence, rates_and_distortions
from models.likelihoods import Gaussian
from models.noise import Stream
from models.posteriors import Diagonal, Encoder, Full, Point, PosteriorHead
from models.priors import StandardNormal
from models.readouts import amortised, optimised, resampled
from models.vae import VAE, Decoder
from tests.models.test_exact import LIKELIHOOD, PRIOR, Discrete, Q, Table, enumerated

SIGMA2, DIMENSIONS = 0.5, 2
WEIGHT = torch.tensor([[1.0, 0.4], [0.2, 0.9], [-0.5, 0.6]], dtype=torch.float64)


class Nothing(nn.Module):
    """No features: the head alone says what q is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.new_zeros((len(x), 1))


def model(head: PosteriorHead) -> VAE:
    """p(x|z) = N(W z, SIGMA2 I) with a bad encoder: N(0.5, 0.9^2) for every x."""
    network = nn.Linear(DIMENSIONS, 3, bias=False)
    network.weight.data = WEIGHT
    scale = head.log_stddev if isinstance(head, Diagonal) else head.log_diagonal
    head.mean.bias.data.fill_(0.5)
    scale.bias.data.fill_(math.log(0.9))
    if isinstance(head, Full):
        head.lower.bias.data.zero_()
    decoder = Decoder(network, (3,), Gaussian((3,), variance=SIGMA2))
    return VAE(Encoder(Nothing(), head), decoder, StandardNormal(DIMENSIONS)).double()


@pytest.fixture
def linear() -> VAE:
    return model(Diagonal(1, DIMENSIONS))


@pytest.fixture
def x() -> torch.Tensor:
    return torch.tensor([[0.3, -1.0, 0.8], [1.2, 0.4, 0.0], [-0.7, 0.1, 2.0]], dtype=torch.float64)


def exact(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean (B, D) and precision (D, D) of p(z|x), and log p(x) (B,)."""
    precision = torch.eye(DIMENSIONS, dtype=torch.float64) + WEIGHT.T @ WEIGHT / SIGMA2
    covariance = WEIGHT @ WEIGHT.T + SIGMA2 * torch.eye(3, dtype=torch.float64)
    log_px = torch.distributions.MultivariateNormal(torch.zeros(3, dtype=torch.float64), covariance).log_prob(x)
    return x @ WEIGHT @ torch.linalg.inv(precision) / SIGMA2, precision, log_px


@pytest.mark.parametrize("head", [Diagonal, Full])
def test_the_optimised_posterior_is_the_best_of_its_family(head, x):
    linear = model(head(1, DIMENSIONS))
    found = optimised(linear, x, linear.encoder(x), Stream.seeded(0), steps=150, num_samples=16)
    mean, precision, log_px = exact(x)
    torch.testing.assert_close(found.views["optimised_mean"], mean, atol=0.03, rtol=0)
    gap = 0.5 * (precision.diagonal().log().sum() - torch.logdet(precision))  # no diagonal q is nearer to p(z|x)
    variance = 1 / precision.diagonal()
    if head is Full:  # p(z|x) itself is of the family
        gap, variance = torch.zeros(()), torch.linalg.inv(precision).diagonal()
    torch.testing.assert_close(found.stddev, variance.sqrt().expand_as(mean), atol=0.03, rtol=0)
    parts = {"num_samples": 4000, "noise": Stream.seeded(1)}
    best = rates_and_distortions(linear, x, posterior=found.posterior, **parts)
    before = rates_and_distortions(linear, x, **parts)
    torch.testing.assert_close(-best.rate - best.distortion, log_px - gap, atol=0.06, rtol=0)
    assert ((before.rate + before.distortion) - (best.rate + best.distortion) > 0.3).all()


def test_a_point_has_one_reading(x):
    points = model_of_points()
    found = amortised(points, x, points.encoder(x), Stream.seeded(0))
    assert list(found.views) == ["mean"]
    assert found.stddev is None
    for readout in (optimised, resampled):
        with pytest.raises(ValueError, match="no density"):
            readout(points, x, points.encoder(x), Stream.seeded(0))


def model_of_points() -> VAE:
    whole = model(Diagonal(1, DIMENSIONS))
    return VAE(Encoder(Nothing(), Point(1, DIMENSIONS)), whole.decoder, whole.prior).double()


def test_optimising_leaves_the_model_as_it_is(linear, x):
    before = {name: value.clone() for name, value in linear.state_dict().items()}
    optimised(linear, x, linear.encoder(x), Stream.seeded(0), steps=3)
    assert all(torch.equal(before[name], value) for name, value in linear.state_dict().items())
    assert all(parameter.grad is None for parameter in linear.parameters())


def test_examples_are_optimised_by_themselves(linear, x):
    """What else is in the block changes an example by its noise alone."""
    whole = optimised(linear, x, linear.encoder(x), Stream.seeded(0), steps=80, num_samples=16)
    alone = optimised(linear, x[:1], linear.encoder(x[:1]), Stream.seeded(0), steps=80, num_samples=16)
    torch.testing.assert_close(whole.views["optimised_mean"][:1], alone.views["optimised_mean"], atol=0.03, rtol=0)


def test_the_resampled_mean_tends_to_that_of_the_exact_posterior(linear, x):
    found = resampled(linear, x, linear.encoder(x), Stream.seeded(0), num_samples=4000, num_sets=5)
    mean, precision, _ = exact(x)
    torch.testing.assert_close(found.views["q_ew_mean"], mean, atol=0.05, rtol=0)
    spread = torch.linalg.inv(precision).diagonal().sqrt()
    torch.testing.assert_close(found.stddev, spread.expand_as(mean), atol=0.05, rtol=0)
    assert found.posterior is None
    assert "closed form" in found.no_density


def test_resampling_one_sample_is_the_encoder(linear, x):
    many = x[:1].expand(4000, -1)
    found = resampled(linear, many, linear.encoder(many), Stream.seeded(3), num_samples=1, num_sets=1)
    assert torch.equal(found.views["q_ew_mean"], found.views["q_ew_sample"])
    for axis in found.views["q_ew_sample"].T.numpy():
        assert stats.kstest(axis, stats.norm(0.5, 0.9).cdf).pvalue > 1e-3


@pytest.mark.parametrize("k", [1, 2, 5])
def test_resampled_views_agree_with_enumeration(k):
    discrete = VAE(Discrete(Q), Table(), Discrete(PRIOR)).double()
    x = torch.ones((40_000, 1), dtype=torch.float64)
    found = resampled(discrete, x, discrete.encoder(x), Stream.seeded(k), num_samples=k, num_sets=2)
    _, q_ew, elbo = enumerated(k)
    for view in ("q_ew_mean", "q_ew_sample"):
        error = found.views[view].std(0).numpy() / 200
        assert (np.abs(found.views[view].mean(0).numpy() - q_ew) < 4 * error + 1e-9).all()
    expected = -float(q_ew @ np.log(LIKELIHOOD))
    error = found.distortion.std().item() / 200
    assert abs(found.distortion.mean().item() - expected) < 4 * error
    bound, log_px = enumerated(k)[0], math.log((PRIOR * LIKELIHOOD).sum())
    assert bound <= elbo + 1e-12 < log_px + 1e-12  # what the reason of its rate says


def test_amortised_is_the_encoder(linear, x):
    posterior = linear.encoder(x)
    found = amortised(linear, x, posterior, Stream.seeded(0))
    assert torch.equal(found.views["mean"], posterior.mean)
    assert found.posterior is posterior
    torch.manual_seed(0)
    expected = posterior.mean + 0.9 * torch.randn(1, 3, 2, dtype=torch.float64)[0]
    torch.testing.assert_close(found.views["sample"], expected)


def test_the_curve_of_bounds_rises_between_elbo_and_evidence(linear, x):
    many = x.repeat_interleave(300, 0)
    counts = counts_up_to(64)
    found = importance_evidence(linear, many, num_samples=64, noise=Stream.seeded(0))
    curve = bounds(found.log_w, counts)
    assert counts == [1, 2, 5, 10, 20, 50, 64]
    torch.testing.assert_close(curve[-1], found.log_evidence)
    torch.testing.assert_close(curve[0], found.log_w.mean(0))
    of_each = curve.reshape(len(counts), 3, 300).mean(2)
    assert (of_each[:5].diff(dim=0) > 0).all()
    doubled = bounds(found.log_w, [1, 2, 4, 8, 16, 32, 64])
    assert (doubled.diff(dim=0) >= 0).all()  # of the same samples: Jensen's inequality, example by example
    assert (of_each < exact(x)[2]).all()
    rate, distortion, *_ = rates_and_distortions(linear, x, num_samples=4000, noise=Stream.seeded(1))
    spread = found.log_w.reshape(64, 3, 300).std(dim=(0, 2))
    assert ((of_each[0] + rate + distortion).abs() < 4 * spread / math.sqrt(4000)).all()


def test_blocks_of_the_curve_are_less_variable_than_one_and_as_unbiased(linear, x):
    many = x[:1].repeat_interleave(4000, 0)
    log_w = importance_evidence(linear, many, num_samples=40, noise=Stream.seeded(0)).log_w
    [averaged], [single] = bounds(log_w, [5]), bounds(log_w[:5], [5])
    assert averaged.var() < single.var() / 4
    assert abs((averaged - single).mean()) < 4 * (averaged - single).std() / math.sqrt(4000)


@pytest.mark.parametrize(("most", "counts"), [(1, [1]), (2, [1, 2]), (5, [1, 2, 5]), (100, [1, 2, 5, 10, 20, 50, 100])])
def test_counts_end_at_the_most(most, counts):
    assert counts_up_to(most) == counts
