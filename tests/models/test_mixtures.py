"""The aggregate posterior as a mixture: every way to compute pairs gives what the plain formula does, in any units."""

from __future__ import annotations

import math

import pytest
import torch

from metrics import aggregate
from models.distributions import FullGaussian, diagonal_normal
from models.mixtures import Components, components, log_mixture, log_others, with_own

N, D = 600, 3  # more than a block of components, and with two draws more than one of draws


def diagonal(units=(1.0, 1.0, 1.0), seed=0):
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(N, D, generator=generator, dtype=torch.double) * torch.tensor(units, dtype=torch.double) + 5
    stddev = (0.1 + torch.rand(N, D, generator=generator, dtype=torch.double)) * torch.tensor(units)
    return mean, stddev, mean + stddev * torch.randn(2, N, D, generator=generator, dtype=torch.double)


def in_blocks(family, *tensors, size=200):
    return [family(*parts) for parts in zip(*(tensor.split(size) for tensor in tensors), strict=True)]


def normal(mean, stddev):
    return diagonal_normal(mean, stddev, 1)


def plain(posterior, z, without_own=True):
    """log-densities (S, N) of the mixture, all pairs at once."""
    pairs = posterior.log_prob(z[:, :, None])
    if without_own:
        pairs.diagonal(dim1=-2, dim2=-1).fill_(-math.inf)
    return pairs.logsumexp(-1) - math.log(N - without_own)


def narrow_one(mean, stddev):
    stddev[7, 1] = 1e-9


def far_one(mean, stddev):
    mean[3, 0] = 1e9


def nothing(mean, stddev):
    pass


@pytest.mark.parametrize("odd", [nothing, narrow_one, far_one])
@pytest.mark.parametrize("units", [(1.0, 1.0, 1.0), (1000.0, 1.0, 1e-6)])
def test_products_give_what_the_plain_formula_does(units, odd):
    mean, stddev, z = diagonal(units)
    odd(mean, stddev)
    parts = components(in_blocks(normal, mean, stddev))
    whole = normal(mean, stddev)
    torch.testing.assert_close(log_others(parts, z), plain(whole, z), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_mixture(parts, z[0]), plain(whole, z[:1], False)[0], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(parts.own(z), whole.log_prob(z), rtol=1e-12, atol=1e-12)
    for axis, part in enumerate(parts.axes()):
        alone, at = normal(mean[:, axis, None], stddev[:, axis, None]), z[..., axis, None]
        torch.testing.assert_close(log_others(part, at), plain(alone, at), rtol=1e-9, atol=1e-9)


def test_the_arrays_of_metrics_have_the_same_densities():
    mean, stddev, z = diagonal()
    found = log_mixture(components([normal(mean, stddev)]), z[0])
    expected = aggregate.log_aggregate(z[0].numpy(), mean.numpy(), stddev.numpy())
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-12, atol=1e-9)


def test_a_full_covariance_by_products_is_one_by_its_log_prob():
    mean, stddev, _ = diagonal((100.0, 1.0, 1.0))
    lower = torch.diag_embed(stddev) + 0.3 * torch.ones(D, D, dtype=torch.double).tril(-1)
    z = mean + (lower @ torch.randn(2, N, D, 1, dtype=torch.double))[..., 0]
    posteriors = in_blocks(FullGaussian, mean, lower)
    quick, slow = components(posteriors), Components(posteriors)
    torch.testing.assert_close(log_others(quick, z), log_others(slow, z), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(quick.own(z), slow.own(z), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(log_others(slow, z), plain(FullGaussian(mean, lower), z), rtol=1e-9, atol=1e-9)
    assert quick.axes() is None


def test_the_mixture_of_all_is_that_of_the_others_with_the_own_one():
    mean, stddev, z = diagonal()
    parts = components([normal(mean, stddev)])
    found = with_own(log_others(parts, z), parts.own(z), N)
    torch.testing.assert_close(found.flatten(), log_mixture(parts, z.flatten(0, 1)), rtol=0, atol=1e-9)


def test_some_draws_are_under_the_mixture_of_all_others():
    mean, stddev, z = diagonal()
    parts = components([normal(mean, stddev)])
    torch.testing.assert_close(log_others(parts, z[:, :5]), log_others(parts, z)[:, :5])
    torch.testing.assert_close(parts.own(z[:, :5]), parts.own(z)[:, :5])


def test_two_components_are_enough():
    mean = torch.tensor([[0.0], [1e6]])
    parts = components([normal(mean, torch.ones(2, 1))])
    others = log_others(parts, mean[None])
    torch.testing.assert_close(others, torch.full((1, 2), -0.5e12 - 0.5 * math.log(2 * math.pi), dtype=torch.double))
    assert with_own(others, parts.own(mean[None]), 2).isfinite().all()


def test_what_a_pair_costs_is_counted_where_no_formula_is_known():
    class Learned(Components):
        def at(self, z):
            weight = torch.ones(4, 50)
            return lambda rows, columns: (torch.ones(self.sizes[0], 4) @ weight).sum(1)[None]

    mean, stddev, _ = diagonal()
    found = Learned(in_blocks(normal, mean, stddev))
    assert found.cost(mean[:1]) >= 4 * 50
