"""Pixels that see the pixels before them: what they see, densities and draws of them, and what they cost."""

from __future__ import annotations

import itertools
from functools import partial

import pytest
import torch

from models.decoding import multiplications, widest
from models.heads import Heads
from models.likelihoods import Bernoulli
from models.networks import mlp
from models.noise import Stream
from models.pixelcnn import PixelCNN
from models.pixelwise import Autoregressive
from models.sampling import draw
from models.vae import VAE

GRID = (1, 3, 3)
MAKERS = {
    "perceptron": partial(Autoregressive, hidden=6),
    "pixelcnn": partial(PixelCNN, layers=2, features=3),
    "planes": partial(PixelCNN, layers=3, features=2, planes=3, kernel=5),
    "one layer": partial(PixelCNN, layers=1, features=3),
}
PICTURES = torch.tensor(list(itertools.product((0.0, 1.0), repeat=9)), dtype=torch.float64).reshape(-1, 1, 3, 3)
OPTIONS = [{}, {"hidden": 4}, {"hidden": 0}, {"direct": False}, {"reach": 3}, {"reach": 4, "direct": False}]


def head_of(shape=GRID, make=Autoregressive, **options):
    """With weights large enough that what is seen matters."""
    head = make(shape, **options).double()
    noise = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=noise))
    return head


def output_of(*batch, shape=GRID, planes=1):
    return torch.randn((*batch, planes, *shape), dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def seen_by(head, x):
    """Whether logit i moves with pixel j, and with the decoder's output j, both (n, n)."""
    output = output_of(shape=x.shape, planes=head.outputs)
    by_pixels = torch.autograd.functional.jacobian(lambda x: head.logits(output, x), x)
    by_output = torch.autograd.functional.jacobian(lambda output: head.logits(output, x), output)
    n = x.numel()
    return by_pixels.reshape(n, n) != 0, by_output.reshape(n, head.outputs, n)[:, 0] != 0


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_sums_to_one_over_all_pictures(options):
    total = head_of(**options)(output_of(4)).log_prob(PICTURES[:, None]).exp().sum(0)
    # beyond 20 torch takes l for log(1 + exp(l)), 2e-9 nats a pixel too little
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=9 * 2.1e-9)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_pixel_sees_those_before_it_that_are_in_reach_and_its_own_output(options):
    sees, told = torch.stack([torch.stack(seen_by(head_of(**options), x)) for x in PICTURES[::37]]).any(0)
    distance = torch.arange(9)[:, None] - torch.arange(9)
    allowed = (distance > 0) & (distance <= options.get("reach", 9))
    assert not (sees & ~allowed).any()
    assert told.diagonal().all()
    if options.get("direct", True):
        assert torch.equal(sees, allowed)


def test_with_units_the_output_of_every_pixel_reaches_every_pixel_but_the_first():
    told = torch.stack([seen_by(head_of(hidden=32), x)[1] for x in PICTURES[::37]]).any(0)
    assert told[1:].all()
    assert told[0].tolist() == [True, *(False for _ in range(8))]


@pytest.mark.parametrize("options", [{"reach": 0}, {"hidden": 0, "direct": False}], ids=str)
def test_without_reach_it_is_bernoulli(options):
    output, x = output_of(5, 7), PICTURES[:7]
    torch.testing.assert_close(head_of(**options)(output).log_prob(x), Bernoulli(GRID)(output).log_prob(x))


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_so_do_convolutions_without_a_blind_spot(make):
    """Every pixel before sees to every later one that it is in reach of, here all; logits are told of their output."""
    sees, told = torch.stack([torch.stack(seen_by(head_of(make=make), x)) for x in PICTURES[::37]]).any(0)
    assert not sees.triu().any()
    assert told.diagonal().all()
    if make is not MAKERS["one layer"]:
        assert torch.equal(sees, torch.ones(9, 9, dtype=torch.bool).tril(-1))


@pytest.mark.parametrize("shape", [(1, 2, 3), (1, 3, 2), (1, 1, 4), (1, 4, 1)])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_all_sum_to_one_on_any_grid(make, shape):
    head, n = head_of(shape, make), torch.Size(shape).numel()
    pictures = torch.tensor(list(itertools.product((0.0, 1.0), repeat=n)), dtype=torch.float64).reshape(-1, 1, *shape)
    total = head(output_of(2, shape=shape, planes=head.outputs)).log_prob(pictures).exp().sum(0)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=n * 2.1e-9)


PLAIN = {**{str(options): partial(Autoregressive, **options) for options in OPTIONS}, **MAKERS}


@pytest.mark.parametrize("make", PLAIN.values(), ids=PLAIN)
def test_draws_are_those_of_the_plain_way(make):
    """One pixel at a time, all logits anew: pixel i is lit where the same uniform number is below its probability."""
    head = head_of(make=make)
    output = output_of(2, 10, planes=head.outputs)
    uniform = Stream.seeded(3).uniform((2, 10, 9), output)
    plain = torch.zeros((2, 10, 9), dtype=torch.float64)
    for i in range(9):
        plain[..., i] = (uniform[..., i] < head.logits(output, plain.unflatten(-1, GRID))[..., i].sigmoid()).double()
    assert torch.equal(head.sampled(output, uniform), plain)


def test_draws_are_as_often_as_their_density_says():
    p = head_of(hidden=6)(output_of(1))
    codes = (draw(p, 40_000, Stream.seeded(2)).reshape(-1, 9) @ 2.0 ** torch.arange(8, -1, -1).double()).long()
    expected = 40_000 * p.log_prob(PICTURES[:, None]).exp()[:, 0].detach()
    off = (torch.bincount(codes, minlength=512) - expected).square() / expected
    assert off.sum() < 511 + 5 * (2 * 511) ** 0.5


@pytest.mark.parametrize("shape", [(3, 4, 4), (9,), (2, 3)])
def test_other_images_are_refused_in_one_line(shape):
    with pytest.raises(ValueError, match=r"needs images of one channel .* use likelihood=autoregressive") as caught:
        PixelCNN(shape)
    assert "\n" not in str(caught.value)


def model_of(shape=(1, 4, 4), **options) -> VAE:
    torch.manual_seed(0)
    heads = Heads(likelihood=lambda shape: Autoregressive(shape, **options))
    return mlp(shape, torch.full(shape, 0.3), heads, latent_dim=2, encoder_hidden=(8,), decoder_hidden=(8,))


def test_networks_start_alike_whatever_the_likelihood_draws():
    torch.manual_seed(0)
    other = mlp((1, 4, 4), torch.full((1, 4, 4), 0.3), latent_dim=2, encoder_hidden=(8,), decoder_hidden=(8,))
    weights = model_of().state_dict()
    for name, value in other.state_dict().items():
        assert torch.equal(weights[name], value), name


def test_what_decoding_costs_counts_the_hidden_layer():
    z = torch.zeros(3, 2)
    decoder, without = model_of(hidden=40).decoder, model_of(hidden=0).decoder
    assert widest(decoder, z) == 40
    assert decoder.numbers == 16 + 16 + 2 * 40
    assert multiplications(decoder, z) - multiplications(without, z) == 3 * 16 * 40


def test_pictures_are_draws_the_same_again_and_others_by_other_noise():
    model, z = model_of(), torch.zeros(50, 2)
    assert model.predicts_draws
    assert torch.equal(model.predict(z), model.predict(z))
    assert set(model.predict(z).unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(model.predict(z, Stream.seeded(1)), model.predict(z, Stream.seeded(2)))
    with pytest.raises(NotImplementedError, match="draw from it"):
        _ = model.decoder(z).mean
