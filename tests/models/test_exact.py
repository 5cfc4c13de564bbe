"""Estimators against closed forms: linear-Gaussian and discrete models where every quantity is known (nats)."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.distributions import Independent, OneHotCategorical

from models.distributions import Delta, diagonal_normal
from models.evidence import importance_evidence, rates_and_distortions, resample
from models.exact import linear_beta_vae, linear_log_evidence
from models.noise import Stream
from models.objectives import autoencoder, beta_vae, elbo, iwae
from models.vae import VAE, Batch, Inference

W, S2 = 0.8, 0.5  # p(z) = N(0, 1), p(x|z) = N(w z, s2)
M, V = 0.3, 0.4  # q(z|x) = N(m, v), not the posterior
X = 1.1


class Fixed(nn.Module):
    """A module that returns the same distribution for whatever it is given, expanded to its batch."""

    def __init__(self, mean, variance):
        super().__init__()
        self.mean, self.variance = nn.Parameter(torch.tensor([mean])), nn.Parameter(torch.tensor([variance]))

    def forward(self, x=None):
        shape = () if x is None else (len(x),)
        return diagonal_normal(self.mean.expand(*shape, 1), self.variance.sqrt().expand(*shape, 1), 1)


class Scaled(nn.Module):
    """p(x|z) = N(w z, s2)."""

    def forward(self, z):
        return diagonal_normal(W * z, torch.full_like(z, S2).sqrt(), 1)


def scalar_model(mean=M, variance=V):
    """The model of one dimension in double precision."""
    return VAE(Fixed(mean, variance), Scaled(), Fixed(0.0, 1.0)).double()


def closed_form():
    """Rate, distortion and log p(x) of the scalar model at X."""
    distortion = 0.5 * (math.log(2 * math.pi * S2) + ((X - W * M) ** 2 + W**2 * V) / S2)
    rate = 0.5 * (V + M**2 - 1 - math.log(V))
    return rate, distortion, stats.norm.logpdf(X, 0, math.sqrt(W**2 + S2))


def exact_iwae(num_samples):
    """L_K of the scalar model by products of Gauss-Hermite rules."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    z = M + math.sqrt(V) * nodes
    log_w = stats.norm.logpdf(X, W * z, math.sqrt(S2)) + stats.norm.logpdf(z) - stats.norm.logpdf(z, M, math.sqrt(V))
    w, p = np.exp(log_w), weights / weights.sum()
    total, mass = w, p
    for _ in range(num_samples - 1):
        total, mass = np.add.outer(total, w), np.multiply.outer(mass, p)
    return float((mass * np.log(total / num_samples)).sum())


def within(value, stderr, exact, most=4.0):
    """Within so many standard errors, which must themselves be small."""
    assert abs(value - exact) < most * stderr, (value, stderr, exact)
    assert stderr < 0.02


def batch_of(size=40_000, seed=0):
    return Batch(torch.full((size, 1), X, dtype=torch.float64), noise=Stream.seeded(seed))


def test_rate_and_distortion_are_the_closed_form():
    rate, distortion, _ = closed_form()
    found = rates_and_distortions(scalar_model(), batch_of().x, num_samples=8, noise=Stream.seeded(1))
    assert found.rate.mean().item() == pytest.approx(rate, abs=1e-9)
    within(found.distortion.mean().item(), found.distortion.std().item() / 200, distortion)


@pytest.mark.parametrize("kl", ["analytic", "monte_carlo"])
def test_elbo_has_the_expectation_of_the_closed_form(kl):
    rate, distortion, _ = closed_form()
    values = elbo(scalar_model(), batch_of(), kl=kl)
    within(values.mean().item(), values.std().item() / 200, -(rate + distortion))


@pytest.mark.parametrize("num_samples", [1, 2, 3])
def test_iwae_is_its_quadrature(num_samples):
    values = iwae(scalar_model(), batch_of(), num_samples=num_samples)
    within(values.mean().item(), values.std().item() / 200, exact_iwae(num_samples))


def test_bounds_are_ordered():
    rate, distortion, log_px = closed_form()
    bounds = [exact_iwae(k) for k in (1, 2, 3)]
    assert bounds[0] == pytest.approx(-(rate + distortion), abs=1e-9)
    assert bounds[0] < bounds[1] < bounds[2] < log_px


def test_importance_gap_is_half_the_variance_of_the_weights_over_k():
    vp, mp = S2 / (W**2 + S2), W * X / (W**2 + S2)
    a, b, c = 2 / vp - 1 / V, 2 * mp / vp - M / V, 2 * mp**2 / vp - M**2 / V
    second_moment = math.sqrt(V) / vp * a**-0.5 * math.exp(0.5 * (b**2 / a - c))
    k = 400
    found = importance_evidence(scalar_model(), batch_of(20_000).x, num_samples=k, noise=Stream.seeded(2))
    gap = k * (closed_form()[2] - found.log_evidence)
    expected = (second_moment - 1) / 2
    assert abs(gap.mean().item() - expected) < 4 * gap.std().item() / math.sqrt(20_000) + 0.05 * expected


def test_weights_have_no_variance_at_the_posterior():
    vp, mp = S2 / (W**2 + S2), W * X / (W**2 + S2)
    inference = scalar_model(mp, vp).infer(batch_of(50).x, 7, Stream.seeded(0))
    assert inference.log_w.shape == (7, 50)
    torch.testing.assert_close(inference.log_w, torch.full_like(inference.log_w, closed_form()[2]))
    found = importance_evidence(scalar_model(mp, vp), batch_of(5).x, num_samples=50, noise=Stream.seeded(0))
    torch.testing.assert_close(found.effective_sample_size, torch.full((5,), 50.0, dtype=torch.float64))


def test_streaming_in_chunks_equals_one_pass(monkeypatch):
    x = batch_of(300).x
    whole = importance_evidence(scalar_model(), x, num_samples=100, noise=Stream.seeded(3))
    monkeypatch.setattr("models.evidence.DRAWN", 300 * 8)  # a multiple of 16: torch draws normals in such blocks
    parts = importance_evidence(scalar_model(), x, num_samples=100, noise=Stream.seeded(3))
    torch.testing.assert_close(whole.log_evidence, parts.log_evidence)


def test_beta_one_and_one_sample_are_the_elbo():
    model = scalar_model()
    torch.testing.assert_close(beta_vae(model, batch_of(seed=5), beta=1.0), elbo(model, batch_of(seed=5)))
    single = iwae(model, batch_of(seed=5), num_samples=1)
    torch.testing.assert_close(single, elbo(model, batch_of(seed=5), kl="monte_carlo"))


class Pointed(nn.Module):
    """q(z|x): all mass at M."""

    def forward(self, x):
        return Delta(torch.full((len(x), 1), M, dtype=torch.float64))


def test_an_autoencoder_is_the_likelihood_at_its_point():
    model = VAE(Pointed(), Scaled(), Fixed(0.0, 1.0)).double()
    values = autoencoder(model, batch_of(3))
    expected = stats.norm.logpdf(X, W * M, math.sqrt(S2))
    torch.testing.assert_close(values, torch.full_like(values, expected))


# --- a discrete latent: everything by enumeration (prior, likelihood of one x, and q over three states) ---
PRIOR, LIKELIHOOD, Q = np.array([0.5, 0.3, 0.2]), np.array([0.05, 0.6, 0.2]), np.array([0.5, 0.2, 0.3])


class Discrete(nn.Module):
    """A one-hot latent with the given probabilities."""

    def __init__(self, probabilities):
        super().__init__()
        self.probabilities = torch.tensor(probabilities)

    def forward(self, x=None):
        shape = () if x is None else (len(x),)
        return OneHotCategorical(self.probabilities.expand(*shape, 3))


class Table(nn.Module):
    """p(x = 1|z) from a table."""

    def forward(self, z):
        probability = (z * torch.tensor(LIKELIHOOD)).sum(-1, keepdim=True)
        return Independent(torch.distributions.Bernoulli(probability), 1)


def enumerated(k):
    """Exact L_k, q_EW of sampling-importance-resampling, and ELBO[q_EW]."""
    w = PRIOR * LIKELIHOOD / Q
    bound, q_ew = 0.0, np.zeros(3)
    for states in itertools.product(range(3), repeat=k):
        chosen = np.array(states)
        p = Q[chosen].prod()
        bound += p * math.log(w[chosen].mean())
        np.add.at(q_ew, chosen, p * w[chosen] / w[chosen].sum())
    return bound, q_ew, float((q_ew * np.log(PRIOR * LIKELIHOOD / q_ew)).sum())


def test_iwae_and_the_resampled_posterior_are_ordered():
    log_px = math.log((PRIOR * LIKELIHOOD).sum())
    table = [enumerated(k) for k in range(1, 7)]
    assert table[0][0] == pytest.approx(table[0][2])
    for bound, q_ew, resampled in table[1:]:
        assert q_ew.sum() == pytest.approx(1)
        assert bound < resampled < log_px
    assert all(np.diff([bound for bound, _, _ in table]) > 0)
    assert all(np.diff([resampled for _, _, resampled in table]) > 0)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_estimators_agree_with_enumeration(k):
    model = VAE(Discrete(Q), Table(), Discrete(PRIOR)).double()
    x = torch.ones((40_000, 1), dtype=torch.float64)
    found = importance_evidence(model, x, num_samples=k, noise=Stream.seeded(k))
    bound, q_ew, _ = enumerated(k)
    within(found.log_evidence.mean().item(), found.log_evidence.std().item() / 200, bound)
    inference = model.infer(x, k, Stream.seeded(k + 10))
    counts = resample(inference.z, inference.log_w, Stream.seeded(k + 20)).sum(0).numpy()
    assert stats.chisquare(counts, q_ew * len(x)).pvalue > 1e-4


# --- linear models of Gaussian data ---
SPECTRUM = [3.0, 1.5, 0.8, 0.2]


def test_linear_optimum_at_beta_one_is_probabilistic_pca():
    best = linear_beta_vae(SPECTRUM, 2, 1.0, None)
    s2 = np.mean(SPECTRUM[2:])
    nll = 0.5 * (4 * math.log(2 * math.pi) + np.log(SPECTRUM[:2]).sum() + 2 * math.log(s2) + 4)
    assert best.sigma2 == pytest.approx(s2)
    assert best.rate + best.distortion == pytest.approx(nll)


def test_linear_optimum_moves_along_a_curve_of_slope_minus_beta():
    for beta in (0.5, 1.0, 2.0, 4.0):
        low, high = (linear_beta_vae(SPECTRUM, 3, beta * factor, 0.25) for factor in (0.999, 1.001))
        slope = (high.distortion - low.distortion) / (high.rate - low.rate)
        assert slope == pytest.approx(-beta, rel=1e-3)


def test_large_beta_switches_units_off():
    units = [linear_beta_vae(SPECTRUM, 4, beta, 0.25).active_units for beta in (0.5, 1, 4, 8, 14)]
    assert units == [4, 3, 2, 1, 0]


def test_learned_variance_solves_its_own_equation():
    for beta in (0.5, 1.0, 1.5):
        best = linear_beta_vae(SPECTRUM, 2, beta, None)
        trials = [best.sigma2 * factor for factor in (0.98, 1.0, 1.02)]
        fixed = [linear_beta_vae(SPECTRUM, 2, beta, s2) for s2 in trials]
        costs = [found.distortion + beta * found.rate for found in fixed]
        assert costs[1] == min(costs)


def test_linear_log_evidence_is_the_multivariate_normal():
    rng = np.random.default_rng(0)
    weight, bias, x = rng.normal(size=(4, 2)), rng.normal(size=4), rng.normal(size=(9, 4))
    expected = stats.multivariate_normal(bias, weight @ weight.T + 0.3 * np.eye(4)).logpdf(x)
    np.testing.assert_allclose(linear_log_evidence(x, weight, bias, 0.3), expected)


def test_inference_shapes():
    inference = scalar_model().infer(batch_of(5).x, 3, Stream.seeded(0))
    assert isinstance(inference, Inference)
    for name in ("log_px_z", "log_pz", "log_qz_x", "log_w"):
        assert getattr(inference, name).shape == (3, 5)
    assert inference.kl.shape == (5,)


def test_evidence_encodes_each_example_once():
    model, seen = scalar_model(), []
    model.encoder.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    importance_evidence(model, batch_of(10).x, num_samples=5000, noise=Stream.seeded(0))
    assert seen == [10]
