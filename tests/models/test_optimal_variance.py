"""The variance of a Gaussian likelihood in closed form: the mean squared error, and so the optimum of a linear VAE."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from benchmark.training.updates import ClosedForm
from models.exact import linear_beta_vae
from models.heads import Heads
from models.likelihoods import Gaussian
from models.networks import linear
from models.noise import Stream
from models.posteriors import Diagonal
from models.vae import VAE, Batch

EIGENVALUES = torch.tensor([8.0, 4.0, 1.0, 0.5, 0.25, 0.25], dtype=torch.float64)


def test_it_is_the_mean_squared_error_and_moves_by_its_share():
    head, noise = Gaussian((2, 3), variance="learned"), torch.Generator().manual_seed(0)
    output, x = torch.randn((7, 1, 2, 3), generator=noise), torch.randn((7, 2, 3), generator=noise)
    square = (x - output[:, 0]).square().mean()
    head.closed_form(output, x, 0.25)
    torch.testing.assert_close(head.log_variance.exp(), 0.75 + 0.25 * square)
    head.closed_form(output, x, 1.0)
    torch.testing.assert_close(head.log_variance.exp(), square)
    best = head(output).log_prob(x).mean()
    best.backward()
    assert abs(head.log_variance.grad) < 1e-5  # no other variance has a greater density
    head.closed_form(x[:, None], x, 1.0)
    assert head.log_variance.item() == pytest.approx(2 * math.log(1e-3))  # the floor


def optimum(beta: float, latents: int, variance: float) -> tuple[VAE, float]:
    """The linear VAE that is best at a beta, of data with those eigenvalues along the axes, but for its variance."""
    active = latents
    sigma2 = float(EIGENVALUES[active:].sum() / (len(EIGENVALUES) - beta * active))
    heads = Heads(
        posterior=lambda h, d: Diagonal(h, d, scale="shared"),
        likelihood=lambda shape: Gaussian(shape, variance="learned"),
    )
    n = len(EIGENVALUES)
    model = linear((n,), torch.zeros(n, dtype=torch.float64), heads, latent_dim=latents).double()
    level, kept = beta * sigma2, EIGENVALUES[:active]
    weight = torch.zeros((n, latents), dtype=torch.float64)
    weight[:latents] = torch.diag((kept - level).sqrt())
    encoder, network = model.encoder.head, model.decoder.network
    assert isinstance(network, nn.Linear)
    with torch.no_grad():
        network.weight.copy_(weight)
        encoder.mean.weight.copy_((weight / EIGENVALUES[:, None]).T)
        encoder.log_stddev.copy_(0.5 * (level / kept).log())
        model.decoder.likelihood.log_variance.fill_(math.log(variance))
    return model, sigma2


@pytest.mark.parametrize("beta", [1.0, 0.5, 1.5])
def test_its_fixed_point_is_the_closed_form_of_the_linear_vae(beta):
    """s2 = sum of the discarded eigenvalues / (n - beta n_active): at beta = 1 that of probabilistic PCA."""
    model, sigma2 = optimum(beta, 2, variance=1.0)
    if beta == 1:
        assert sigma2 == pytest.approx(linear_beta_vae(EIGENVALUES.tolist(), 2, 1.0, None).sigma2)
    x = torch.randn((20_000, 6), dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * EIGENVALUES.sqrt()
    ClosedForm("decoder", 1.0)(model, Batch(x, noise=Stream.seeded(1)), 1.0)
    found = model.decoder.likelihood.log_variance.exp().item()
    # of 20,000 x 6 squares, those of active axes of variance beta s2
    assert found == pytest.approx(sigma2, rel=5 * math.sqrt(2 / (20_000 * 2)))
