"""Laws that hold for every model and every objective there is a YAML for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from benchmark.checks import models as laws
from benchmark.checks import objectives
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model
from models.noise import Stream
from tests.support.choices import image_dataset, names_in
from tests.support.composing import compose

OF_VECTORS = ("enumerable", "vib")  # which refuse images, and have tests of their own
MODELS = [name for name in names_in("model") if name not in OF_VECTORS and not compose([f"model={name}"]).is_reference]


def model_of(name, shape, *overrides, mean=0.3):
    plan = compose([f"model={name}", *overrides])
    return build_model(plan, shape, torch.full(shape, mean))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", laws.SHAPES)
def test_every_model_returns_distributions_of_the_right_shape(name, shape):
    laws.distributions_of_the_right_shape(model_of(name, shape), shape)


@pytest.mark.parametrize("name", OF_VECTORS)
def test_models_of_vectors_refuse_images(name):
    with pytest.raises(ValueError, match=rf"^model={name} needs .*\(use dataset=\w+\)$"):
        model_of(name, (1, 8, 8))


@pytest.mark.parametrize("name", MODELS)
def test_every_density_is_normalised_where_it_can_be_seen(name):
    """The prior's and posterior's density of draws equals that of the same Gaussian written by hand."""
    model = model_of(name, (1, 8, 8))
    posterior = model.infer(torch.rand(2, 1, 8, 8).round(), 1, Stream.seeded(0)).posterior
    z = posterior.sample()
    by_hand = Independent(Normal(posterior.mean, posterior.stddev), 1).log_prob(z)
    torch.testing.assert_close(posterior.log_prob(z), by_hand)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("linear", "conv_locatello")])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_an_untrained_decoder_predicts_the_training_mean(name, likelihood):
    """Also where pixels differ: a plane with one bias is best predicted by its mean, not by the mean of logits."""
    shape = (2, 8, 8)
    mean = torch.rand(shape, generator=torch.Generator().manual_seed(0)).pow(3).clamp(0.01, 0.99)
    model = build_model(compose([f"model={name}", f"model.likelihood={likelihood}"]), shape, mean)
    for weight in (p for key, p in model.decoder.named_parameters() if key.endswith("weight")):
        torch.nn.init.zeros_(weight)
    found = model.decoder(model.prior().mean).mean
    expected = mean if name != "conv" else mean.mean((1, 2), keepdim=True).expand(shape)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("likelihood", ["model.sigma2=0.25", "model.sigma2=learned"])
def test_gaussian_likelihood_keeps_its_constants(likelihood):
    model = model_of("mlp", (1, 8, 8), "model.likelihood=gaussian", likelihood)
    x = torch.rand(2, 1, 8, 8)
    inference = model.infer(x, 1, Stream.seeded(0))
    s2 = 0.25 if "0.25" in likelihood else 1.0
    square = ((x - inference.likelihood.mean) ** 2).flatten(2).sum(-1)
    torch.testing.assert_close(inference.log_px_z, -0.5 * (square / s2 + 64 * math.log(2 * math.pi * s2)))


@pytest.mark.parametrize("name", names_in("objective"))
@pytest.mark.parametrize("model_name", ["mlp", "conv", "linear"])
def test_every_objective_is_finite_and_reaches_every_parameter(name, model_name):
    """Picked up from the folder: a new YAML needs no new test."""
    sigma2 = "model.sigma2=learned" if model_name == "linear" else "model.latent_dim=6"
    smaller = ["objective.hidden=[5]"] if name == "factor_vae" else []
    plan = compose([f"objective={name}", f"model={model_name}", sigma2, *smaller])
    if plan.objective is None:
        assert name == "untrained"
        return
    for law in objectives.LAWS:
        law(plan)


def test_the_convolutions_of_locatello_et_al_are_those_of_their_code():
    """Shapes of every weight at 64x64, kernels 4, 4, 2, 2 down and 4 up, an output bias of zero."""
    model = model_of("conv_locatello", (1, 64, 64))
    shapes = [tuple(value.shape) for name, value in model.named_parameters() if name.endswith("weight")]
    encoder = [(32, 1, 4, 4), (32, 32, 4, 4), (64, 32, 2, 2), (64, 64, 2, 2), (256, 1024), (10, 256), (10, 256)]
    decoder = [(256, 10), (1024, 256), (64, 64, 4, 4), (64, 32, 4, 4), (32, 32, 4, 4), (32, 1, 4, 4)]
    assert shapes == encoder + decoder
    assert all(value.abs().max() == 0 for name, value in model.named_parameters() if name.endswith("bias"))
    assert model.decoder(torch.zeros(1, 10)).mean.shape == (1, 1, 64, 64)


def test_an_encoder_may_give_the_logarithm_of_the_variance():
    one = model_of("conv", (1, 16, 16))
    two = model_of("conv", (1, 16, 16), "model.posterior_scale=log_variance")
    x = torch.rand(3, 1, 16, 16)
    torch.testing.assert_close(two.encoder(x).variance, one.encoder(x).stddev)


def test_the_same_seed_gives_the_same_weights_whatever_was_drawn_before():
    plan = compose(["model=conv", "seed=3"])
    first = build_model(plan, (1, 16, 16), torch.full((1, 16, 16), 0.3))
    torch.rand(100)
    second = build_model(plan, (1, 16, 16), torch.full((1, 16, 16), 0.3))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    other = build_model(compose(["model=conv", "seed=4"]), (1, 16, 16), torch.full((1, 16, 16), 0.3))
    assert not torch.equal(next(iter(first.parameters())), next(iter(other.parameters())))


def test_analytic_and_monte_carlo_kl_agree():
    model = model_of("mlp", (1, 8, 8))
    inference = model.infer(torch.rand(3, 1, 8, 8).round(), 20_000, Stream.seeded(0))
    samples = inference.log_qz_x - inference.log_pz
    stderr = samples.std(0) / math.sqrt(20_000)
    assert ((samples.mean(0) - inference.kl).abs() < 4 * stderr).all()


STORED = [("bits", "static"), ("uint8", "dynamic"), ("uint8", "none"), ("float", "none")]


@pytest.mark.parametrize(("storage", "binarisation"), STORED)
def test_batches_are_the_decoded_examples(storage, binarisation):
    dataset = image_dataset((1, 5, 7), storage, binarisation)
    pixels = Pixels(dataset, "probe", torch.device("cpu"))
    rows = torch.tensor([3, 0, 4])
    expected = torch.from_numpy(dataset.decoded(dataset.splits["probe"][rows.numpy()]))
    generator = torch.Generator().manual_seed(0)
    batch = pixels.batch(rows, generator)
    assert batch.shape == (3, 1, 5, 7)
    if binarisation == "dynamic":
        assert set(batch.unique().tolist()) <= {0.0, 1.0}
        batch = torch.stack([pixels.batch(rows, generator) for _ in range(4000)]).mean(0)
        assert (batch - expected).abs().max() < 0.04
    else:
        torch.testing.assert_close(batch, expected)
    everything = torch.from_numpy(dataset.decoded(dataset.splits["probe"]))
    torch.testing.assert_close(pixels.mean(), everything.mean(0), atol=1e-6, rtol=1e-5)
    assert torch.equal(pixels.drawn(0, "test"), pixels.drawn(0, "test"))
