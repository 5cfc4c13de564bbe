"""Decoding for values alone: the log-densities of the plain way, whatever the pieces, and what a decoder costs."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Independent, Normal

from models.decoding import Streamed, widest
from models.evidence import importance_evidence
from models.heads import Heads
from models.likelihoods import Bernoulli, Gaussian
from models.networks import conv, linear, mlp
from models.noise import Stream
from models.pixelcnn import PixelCNN
from models.pixelwise import Autoregressive
from models.quick import Thin, quickened
from models.sampling import draw
from models.vae import VAE, log_px_z

GREY = torch.rand((7, 1, 8, 8), generator=torch.Generator().manual_seed(0))
HEADS = [
    Heads(),
    Heads(likelihood=lambda shape: Gaussian(shape, variance="per_pixel")),
    Heads(likelihood=lambda shape: Gaussian(shape, variance="learned")),
    Heads(likelihood=lambda shape: Autoregressive(shape, hidden=5)),
    Heads(likelihood=lambda shape: PixelCNN(shape, layers=2, features=3, planes=2)),
]


def model_of(make, heads, **options):
    torch.manual_seed(0)
    return make((1, 8, 8), torch.full((1, 8, 8), 0.3), heads, latent_dim=3, **options).double()


@pytest.mark.parametrize("heads", HEADS, ids=["bernoulli", "per_pixel", "learned", "autoregressive", "pixelcnn"])
@pytest.mark.parametrize("make", [conv, mlp])
@pytest.mark.parametrize("rows", [1, 3, 10, 1000])
def test_pieces_give_the_log_density_of_the_distribution(make, heads, rows):
    model, x = model_of(make, heads), GREY.double()
    z = torch.randn((5, 7, 3), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = Streamed(partial(log_px_z, model.decoder), z, rows).log_prob(x)
    torch.testing.assert_close(found, model.decoder(z).log_prob(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_the_density_of_logits_is_that_of_the_distribution_however_large(scale):
    likelihood, x = Bernoulli((1, 8, 8)), GREY.double().round()
    logits = scale * torch.randn((4, 7, 1, 1, 8, 8), dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = likelihood.log_density(logits, x)
    # beyond 20 torch takes log(1 + exp(l)) for l, 2e-9 nats a pixel too little
    torch.testing.assert_close(found, likelihood(logits).log_prob(x), rtol=1e-12, atol=64 * 2.1e-9)


def test_weighing_gives_what_decoding_gives_and_no_gradient():
    model, x = model_of(conv, Heads()), GREY.double()
    posterior = model.encoder(x)
    z = draw(posterior, 4, Stream.seeded(0))
    plain, quick = model.decode(x, z, posterior), model.weigh(x, z, posterior)
    torch.testing.assert_close(quick.log_w, plain.log_w, rtol=1e-12, atol=1e-12)
    assert torch.equal(quick.kl, plain.kl)
    assert not quick.log_px_z.requires_grad


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 13, 10), (1, 28, 28), (5, 9, 9)])
def test_a_quickened_decoder_gives_the_same_and_leaves_the_first_as_it_was(shape):
    torch.manual_seed(0)
    decoder = conv(shape, torch.full(shape, 0.3), latent_dim=3, channels=(5, 6)).double().decoder
    quick = quickened(decoder)
    assert any(isinstance(module, Thin) for module in quick.modules()) == (shape[0] < 5)
    z = torch.randn((4, 3, 3), dtype=torch.float64)
    torch.testing.assert_close(quick(z).base_dist.logits, decoder(z).base_dist.logits, rtol=1e-12, atol=1e-12)
    assert all(parameter.is_contiguous() for parameter in decoder.parameters())
    assert not {id(one) for one in decoder.parameters()} & {id(one) for one in quick.parameters()}


def test_a_decoder_without_convolutions_is_quick_already():
    decoder = model_of(mlp, Heads()).decoder
    assert quickened(decoder) is decoder


class Own(nn.Module):
    """A decoder of somebody's own: a distribution, and no head."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, z: torch.Tensor) -> Distribution:
        return Independent(Normal(z[..., :1].expand(*z.shape[:-1], 5), self.scale, validate_args=False), 1)


def test_a_decoder_without_a_head_is_asked_for_its_distribution():
    plain = model_of(mlp, Heads())
    model = VAE(plain.encoder, Own(), plain.prior)
    z, x = torch.randn((4, 7, 3)), torch.randn((7, 5))
    inference = model.weigh(x, z, Independent(Normal(torch.zeros(7, 3), 1.0), 1))
    torch.testing.assert_close(inference.log_px_z, model.decoder(z).log_prob(x).detach())
    assert widest(model.decoder, z) == 5


def multiplications_of_conv(side, channels, hidden, latent_dim):
    """4x4 kernels at every position of their input, from the bottom up; then the dense layers."""
    planes = (1, *channels)
    sizes = [side // 2**i for i in range(len(planes))]
    up = sum(16 * planes[i] * planes[i - 1] * sizes[i] ** 2 for i in range(1, len(planes)))
    return up + latent_dim * hidden + hidden * planes[-1] * sizes[-1] ** 2


SMALL, IMAGE = torch.full((1, 8, 8), 0.3), torch.full((1, 64, 64), 0.3)
COSTS = [  # multiplications, and the widest layer
    (lambda: linear((1, 8, 8), SMALL, latent_dim=5), 5 * 64, 64),
    (lambda: mlp((1, 8, 8), SMALL, latent_dim=5, decoder_hidden=(20, 100)), 5 * 20 + 20 * 100 + 100 * 64, 100),
    (lambda: conv((1, 64, 64), IMAGE), multiplications_of_conv(64, (32, 32, 64, 64), 256, 10), 32 * 32 * 32),
]


@pytest.mark.parametrize(("make", "expected", "width"), COSTS, ids=["linear", "mlp", "conv"])
def test_what_decoding_one_code_costs(make, expected, width):
    model = make()
    assert math.isclose(model.multiplications, expected, rel_tol=0.01)
    assert widest(model.decoder, model.prior().mean) == width


def test_evidence_in_bf16_is_that_in_float32_but_for_the_rounding_of_products():
    model, x = model_of(mlp, Heads()).float(), GREY.round()
    plain, rounded = (
        importance_evidence(model, x, num_samples=50, noise=Stream.seeded(0), precision=precision)
        for precision in ("fp32", "bf16")
    )
    assert rounded.log_w.dtype == torch.float64
    assert not torch.equal(rounded.log_evidence, plain.log_evidence)
    assert (rounded.log_evidence - plain.log_evidence).abs().max() < 0.05
