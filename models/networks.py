"""Architectures: functions from the shape (C, H, W) or (n,) of one example, the training mean and heads to a VAE."""

from __future__ import annotations

from itertools import chain, pairwise, repeat
from typing import Annotated

import torch
from annotated_types import MinLen
from torch import Tensor, nn

from models.heads import DEFAULT, Heads
from models.likelihoods import Likelihood
from models.posteriors import Encoder
from models.types import Activation, Count, Kernels, OutputBias
from models.vae import VAE, Decoder
from models.weights import glorot

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "leaky_relu": nn.LeakyReLU,
}  # fmt: skip


def linear(shape: tuple[int, ...], mean: Tensor, heads: Heads = DEFAULT, *, latent_dim: Count = 3) -> VAE:
    """Linear encoder and decoder: probabilistic PCA *(Tipping and Bishop, 1999)* with a Gaussian likelihood."""
    likelihood = _likelihood(heads, shape)
    output = nn.Linear(latent_dim, likelihood.outputs * mean.numel())
    encoder = Encoder(nn.Flatten(), heads.posterior(mean.numel(), latent_dim))
    return _assemble(encoder, Decoder(output, shape, likelihood), heads, latent_dim, output, mean)


def mlp(
    shape: tuple[int, ...],
    mean: Tensor,
    heads: Heads = DEFAULT,
    *,
    latent_dim: Count = 50,
    encoder_hidden: tuple[Count, ...] = (200, 200),
    decoder_hidden: tuple[Count, ...] = (200, 200),
    encoder_activation: Activation = "tanh",
    decoder_activation: Activation = "tanh",
) -> VAE:
    """Fully connected encoder and decoder *(Burda et al., 2016: 784-200-200-50, tanh)*."""
    likelihood = _likelihood(heads, shape)
    widths = (mean.numel(), *encoder_hidden)
    features = nn.Sequential(nn.Flatten(), *_layers(widths, encoder_activation))
    hidden = (latent_dim, *decoder_hidden)
    output = nn.Linear(hidden[-1], likelihood.outputs * mean.numel())
    network = nn.Sequential(*_layers(hidden, decoder_activation), output)
    encoder = Encoder(features, heads.posterior(widths[-1], latent_dim))
    return _assemble(encoder, Decoder(network, shape, likelihood), heads, latent_dim, output, mean)


def conv(
    shape: tuple[int, ...],
    mean: Tensor,
    heads: Heads = DEFAULT,
    *,
    latent_dim: Count = 10,
    channels: Annotated[tuple[Count, ...], MinLen(1)] = (32, 32, 64, 64),
    kernels: Kernels = (4,),
    hidden: tuple[Count, ...] = (256,),
    activation: Activation = "relu",
    output_bias: OutputBias = "mean",
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
    likelihood = _likelihood(heads, shape)
    sizes = _halvings(shape[1], shape[2], len(channels))
    planes = (shape[0], *channels[: len(sizes) - 1])
    flat = planes[-1] * sizes[-1][0] * sizes[-1][1]
    down: list[nn.Module] = []
    for (inputs, outputs), kernel in zip(pairwise(planes), chain(kernels, repeat(kernels[-1])), strict=False):
        down += [nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2 - 1), ACTIVATIONS[activation]()]
    features = nn.Sequential(*down, nn.Flatten(), *_layers((flat, *hidden), activation))
    up, output = _upwards((likelihood.outputs * shape[0], *planes[1:]), sizes, activation)
    dense = _layers((latent_dim, *reversed(hidden), flat), activation)
    network = _Unflattened(nn.Sequential(*dense, nn.Unflatten(1, (planes[-1], *sizes[-1])), *up))
    encoder = Encoder(features, heads.posterior(hidden[-1] if hidden else flat, latent_dim))
    decoder = Decoder(network, shape, likelihood)
    return _assemble(encoder, decoder, heads, latent_dim, output, mean, output_bias)


def _likelihood(heads: Heads, shape: tuple[int, ...]) -> Likelihood:
    """The head, built apart from torch's stream: networks start alike whatever a likelihood draws."""
    with torch.random.fork_rng(devices=[]):
        return heads.likelihood(shape)


class _Unflattened(nn.Module):
    """A network on (n, D) that accepts any leading dimensions (..., D)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        return self.network(z.reshape(-1, z.shape[-1]))


def _assemble(
    encoder: Encoder,
    decoder: Decoder,
    heads: Heads,
    latent_dim: int,
    output: nn.Module,
    mean: Tensor,
    bias: OutputBias = "mean",
) -> VAE:
    """Glorot-uniform weights, zero biases, an output bias that predicts the training mean *(Burda et al., 2016)*."""
    glorot(encoder)
    glorot(decoder)
    if bias == "mean":
        _predict(output, mean, decoder.likelihood)
    return VAE(encoder, decoder, heads.prior(latent_dim))  # last: networks start alike whatever a prior draws


@torch.no_grad()
def _predict(output: nn.Module, mean: Tensor, likelihood: Likelihood) -> None:
    """Set the bias of the output layer to what predicts the mean (*shape)."""
    assert isinstance(output.bias, Tensor)
    # a convolution has one bias per channel: the best single prediction of a plane is its mean
    whole = output.bias.numel() == likelihood.outputs * mean.numel()
    output.bias.copy_(likelihood.bias(mean.flatten() if whole else mean.flatten(1).mean(1)).flatten())


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
