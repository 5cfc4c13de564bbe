"""Architectures: functions from the shape (C, H, W) or (n,) of one example and the training mean to a VAE."""

from __future__ import annotations

from itertools import chain, pairwise, repeat
from typing import Annotated

import torch
from annotated_types import MinLen
from torch import Tensor, nn

from models.distributions import Decoder, GaussianPosterior, LinearPosterior, StandardNormal, output_bias
from models.types import Activation, Count, Kernels, Likelihood, OutputBias, Scale, Variance
from models.vae import VAE
from models.weights import glorot

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "leaky_relu": nn.LeakyReLU,
}  # fmt: skip


def linear(
    shape: tuple[int, ...],
    mean: Tensor,
    *,
    latent_dim: Count = 3,
    likelihood: Likelihood = "gaussian",
    sigma2: Variance = 1.0,
) -> VAE:
    """Linear encoder with a diagonal covariance, linear decoder: probabilistic PCA *(Tipping and Bishop, 1999)*."""
    output = nn.Linear(latent_dim, mean.numel())
    encoder = LinearPosterior(mean.numel(), latent_dim)
    return _assemble(encoder, output, output, shape, mean, latent_dim, likelihood, sigma2)


def mlp(
    shape: tuple[int, ...],
    mean: Tensor,
    *,
    latent_dim: Count = 50,
    encoder_hidden: tuple[Count, ...] = (200, 200),
    decoder_hidden: tuple[Count, ...] = (200, 200),
    encoder_activation: Activation = "tanh",
    decoder_activation: Activation = "tanh",
    likelihood: Likelihood = "bernoulli",
    sigma2: Variance = 1.0,
) -> VAE:
    """Fully connected encoder and decoder *(Burda et al., 2016: 784-200-200-50, tanh)*."""
    widths = (mean.numel(), *encoder_hidden)
    features = nn.Sequential(nn.Flatten(), *_layers(widths, encoder_activation))
    hidden = (latent_dim, *decoder_hidden)
    output = nn.Linear(hidden[-1], mean.numel())
    network = nn.Sequential(*_layers(hidden, decoder_activation), output)
    encoder = GaussianPosterior(features, widths[-1], latent_dim)
    return _assemble(encoder, network, output, shape, mean, latent_dim, likelihood, sigma2)


def conv(
    shape: tuple[int, ...],
    mean: Tensor,
    *,
    latent_dim: Count = 10,
    channels: Annotated[tuple[Count, ...], MinLen(1)] = (32, 32, 64, 64),
    kernels: Kernels = (4,),
    hidden: tuple[Count, ...] = (256,),
    activation: Activation = "relu",
    posterior_scale: Scale = "log_stddev",
    output_bias: OutputBias = "mean",
    likelihood: Likelihood = "bernoulli",
    sigma2: Variance = 1.0,
) -> VAE:
    """Convolutions of stride 2, then dense layers; the decoder mirrors them with 4x4 ones *(Higgins et al., 2017)*.

    `kernels` are the encoder's, the last one for all further layers; disentanglement_lib has (4, 4, 2, 2),
    log-variances and an output bias from zero *(Locatello et al., 2019)*. Layers that would shrink a small image below
    one pixel are left out, so every image size works.
    """
    if len(kernels) > len(channels):
        raise ValueError(f"model.kernels={list(kernels)}: more than the {len(channels)} layers of model.channels")
    if len(shape) != 3:
        raise ValueError(f"model=conv needs images (C, H, W), this data set has shape {shape} (use model=mlp)")
    sizes = _halvings(shape[1], shape[2], len(channels))
    planes = (shape[0], *channels[: len(sizes) - 1])
    flat = planes[-1] * sizes[-1][0] * sizes[-1][1]
    down: list[nn.Module] = []
    for (inputs, outputs), kernel in zip(pairwise(planes), chain(kernels, repeat(kernels[-1])), strict=False):
        down += [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2 - 1), ACTIVATIONS[activation]()]
    features = nn.Sequential(*down, nn.Flatten(), *_layers((flat, *hidden), activation))
    up, output = _upwards(planes, sizes, activation)
    dense = _layers((latent_dim, *reversed(hidden), flat), activation)
    network = _Unflattened(nn.Sequential(*dense, nn.Unflatten(1, (planes[-1], *sizes[-1])), *up))
    encoder = GaussianPosterior(features, hidden[-1] if hidden else flat, latent_dim, posterior_scale)
    return _assemble(encoder, network, output, shape, mean, latent_dim, likelihood, sigma2, output_bias)


class _Unflattened(nn.Module):
    """A network on (n, D) that accepts any leading dimensions (..., D)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z.reshape(-1, z.shape[-1]))


def _assemble(
    encoder: nn.Module,
    network: nn.Module,
    output: nn.Module,
    shape: tuple[int, ...],
    mean: Tensor,
    latent_dim: int,
    likelihood: Likelihood,
    sigma2: Variance,
    bias: OutputBias = "mean",
) -> VAE:
    """Glorot-uniform weights, zero biases, an output bias that predicts the training mean *(Burda et al., 2016)*."""
    model = VAE(encoder, Decoder(network, shape, likelihood, sigma2), StandardNormal(latent_dim))
    glorot(model)
    if bias == "mean":
        _predict(output, mean, likelihood)
    return model


@torch.no_grad()
def _predict(output: nn.Module, mean: Tensor, likelihood: Likelihood) -> None:
    """Set the bias of the output layer to what predicts the mean (*shape)."""
    assert isinstance(output.bias, Tensor)
    # a convolution has one bias per channel: the best single prediction of a plane is its mean
    per_output = mean.flatten() if output.bias.numel() == mean.numel() else mean.flatten(1).mean(1)
    output.bias.copy_(output_bias(per_output, likelihood))


def _layers(widths: tuple[int, ...], activation: str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
    return layers


def _halvings(height: int, width: int, most: int) -> list[tuple[int, int]]:
    """Sizes of the image after 0, 1, 2, ... convolutions of stride 2."""
    sizes = [(height, width)]
    while len(sizes) <= most and min(sizes[-1]) >= 2:
        sizes.append((sizes[-1][0] // 2, sizes[-1][1] // 2))
    return sizes


def _upwards(
    planes: tuple[int, ...], sizes: list[tuple[int, int]], activation: str
) -> tuple[list[nn.Module], nn.Module]:
    """Transposed convolutions back to the image; odd sizes need one pixel of output padding."""
    layers: list[nn.Module] = []
    for i in range(len(planes) - 1, 0, -1):
        padding = (sizes[i - 1][0] - 2 * sizes[i][0], sizes[i - 1][1] - 2 * sizes[i][1])
        output = nn.ConvTranspose2d(planes[i], planes[i - 1], 4, stride=2, padding=1, output_padding=padding)
        layers += [output, ACTIVATIONS[activation]()]
    return layers[:-1], layers[-2]
