"""Discretised mixtures of logistics: masses, means, draws, and what is left of them at extreme parameters."""

from __future__ import annotations

import math

import pytest
import torch

from models.logistic import LogisticMixture, log_mass
from models.noise import Stream
from models.sampling import draw

LEVELS = torch.arange(256, dtype=torch.float64) / 255


def mixture_of(components=3, batch=(4,), shape=(1, 2, 2), dtype=torch.float64):
    """A head and p(x|z) of random outputs: means about in [0, 1], scales from a bin's width to that of the whole."""
    head, noise = LogisticMixture(shape, num_components=components), torch.Generator().manual_seed(0)
    output = torch.randn((*batch, head.outputs, *shape), generator=noise, dtype=dtype)
    output[..., components : 2 * components, :, :, :] = 0.5 + 0.4 * output[..., components : 2 * components, :, :, :]
    output[..., 2 * components :, :, :, :] = 1.5 * output[..., 2 * components :, :, :, :] - 3
    return head, output


def masses_of(p):
    """P(level) of every pixel of images, (256, ..., *shape)."""
    x = LEVELS.reshape(-1, *(1 for _ in p.loc.shape))
    return (p.log_weights + log_mass(x, p.loc, p.log_scale)).logsumexp(p.components).exp()


@pytest.mark.parametrize("raw", [-1e4, -3.0, 0.0, 3.0, 30.0])
@pytest.mark.parametrize("m", [-50.0, 0.0, 0.5, 1.0, 50.0])
def test_the_masses_of_all_levels_sum_to_one_whatever_the_parameters(raw, m):
    output = torch.tensor([0.0, m, raw], dtype=torch.float64).reshape(1, 3, 1)
    total = LogisticMixture((1,), num_components=1)(output).log_prob(LEVELS.reshape(-1, 1, 1)).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-12)


def test_one_component_is_the_plain_difference_of_two_logistic_functions():
    head, output = mixture_of(components=1)
    m, log_s = output[:, 1], head(output).log_scale[:, 0]
    x = LEVELS[torch.randint(0, 256, (200, 4, 1, 2, 2), generator=torch.Generator().manual_seed(1))]
    x[0], x[1] = 0.0, 1.0
    upper = torch.where(x == 1, 1.0, ((x + 1 / 510 - m) / log_s.exp()).sigmoid())
    lower = torch.where(x == 0, 0.0, ((x - 1 / 510 - m) / log_s.exp()).sigmoid())
    likely = (upper - lower).flatten(2).amin(-1) > 1e-6  # what the plain way does not round away
    assert likely.sum() > 20
    plain = (upper - lower).log().flatten(2).sum(-1)
    torch.testing.assert_close(head(output).log_prob(x)[likely], plain[likely], rtol=1e-9, atol=1e-8)


def test_small_masses_are_those_of_higher_precision():
    """In the far tail F(b) - F(a) is e^(-|a|) (1 - e^(-d)), |a| to the nearer end; if wide, d / 4."""
    m, log_s = torch.tensor([0.0, 0.9, 0.5]), torch.tensor([0.002, 0.004, 50.0]).log()
    x = torch.tensor([0.8, 0.2, 0.6])
    exact = log_mass(x.double(), m.double(), log_s.double())
    distance = ((x.double() - m.double()).abs() - 1 / 510) / log_s.double().exp()
    d = 1 / 255 / log_s.double().exp()
    torch.testing.assert_close(exact[:2], (-distance + (-(-d).expm1()).log())[:2], rtol=1e-12, atol=0)
    assert exact[2].item() == pytest.approx((1 / 255 / 50 / 4 * torch.ones(())).log().item(), abs=1e-4)
    torch.testing.assert_close(log_mass(x, m, log_s).double(), exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_extreme_parameters_have_finite_densities_and_gradients(size):
    head = LogisticMixture((1, 2, 2), num_components=3)
    output = size * torch.randn((500, 9, 1, 2, 2), generator=torch.Generator().manual_seed(0))
    x = LEVELS.float()[torch.randint(0, 256, (500, 1, 2, 2), generator=torch.Generator().manual_seed(1))]
    x[:50], x[50:100] = 0.0, 1.0
    value = head(output.requires_grad_()).log_prob(x)
    value.sum().backward()
    assert value.isfinite().all()
    assert (value <= 1e-4).all()  # masses are at most one
    assert output.grad.isfinite().all()


def test_the_mean_is_that_of_all_masses():
    head, output = mixture_of()
    p = head(output)
    masses = masses_of(p)
    torch.testing.assert_close(masses.sum(0), torch.ones_like(masses[0]))
    expected = (LEVELS.reshape(-1, 1, 1, 1, 1) * masses).sum(0)
    torch.testing.assert_close(head.predict(p), expected)


@pytest.mark.parametrize("options", [{}, {"num_components": 1}, {"floor": 0.3}], ids=str)
def test_it_starts_at_the_training_mean(options):
    head, mean = LogisticMixture((5,), **options), torch.tensor([0.0, 0.01, 0.3, 0.9, 1.0])
    found = head.predict(head(head.bias(mean)))
    torch.testing.assert_close(found, mean.clamp(1e-3, 1 - 1e-3), rtol=0, atol=1e-5)


def test_draws_are_levels_as_often_as_their_masses_say():
    head, output = mixture_of(batch=(2,), shape=(1, 1, 2))
    p, number = head(output), 20_000
    drawn = draw(p, number, Stream.seeded(3))
    assert drawn.shape == (number, 2, 1, 1, 2)
    codes = (255 * drawn).round()
    torch.testing.assert_close(codes / 255, drawn)
    expected = number * masses_of(p)
    counts = torch.stack([(codes == k).sum(0) for k in range(256)])
    seen = expected >= 5
    off = ((counts - expected).square() / expected)[seen].sum()
    assert off < seen.sum() + 5 * (2 * seen.sum()) ** 0.5
    assert torch.equal(draw(p, 1, Stream.seeded(4)), draw(p, 1, Stream.seeded(4)))


def test_with_a_component_for_each_level_a_pixel_costs_log_256():
    head = LogisticMixture((1,), num_components=256)
    output = torch.cat([torch.zeros(256), LEVELS, torch.full((256,), -1e4)]).reshape(1, -1, 1).double()
    found = head(output).log_prob(LEVELS.reshape(-1, 1, 1))
    assert -found.mean().item() == pytest.approx(math.log(256), abs=0.05)
