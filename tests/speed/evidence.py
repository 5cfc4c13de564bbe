"""Importance-sampling evidence: L_K of test images, beside the bare products of the decoder and Pythae's `get_nll`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.evidence import importance_evidence
from models.networks import conv, mlp
from models.noise import Stream
from models.precision import Precision, all_of_float32, has_bf16
from models.vae import VAE
from tests.speed.core import DEVICE, Row, Timed, interleaved, products

MEAN = 0.13
ROWS = 1000  # codes whose products the limit multiplies at a time


def rows(quick: bool) -> list[Row]:
    """L_K of a perceptron in both precisions for several K, and of a convolutional decoder."""
    counts = (500,) if quick else (500, 1000, 2000, 5000)
    found = [perceptron(count, "fp32") for count in counts]
    found += [perceptron(count, "bf16") for count in (counts if has_bf16(DEVICE.type) else counts[-1:])]
    return [*found, convolutional(20 if quick else 100)]


def perceptron(num_samples: int, precision: Precision, images: int = 4) -> Row:
    """Per image, K = `num_samples`; the peer has the same weights, and both are compared on the same draws."""
    torch.manual_seed(0)
    shape = (1, 28, 28)
    one = {"encoder_hidden": (512,), "decoder_hidden": (512,)}
    relu = {"encoder_activation": "relu", "decoder_activation": "relu"}
    model = mlp(shape, torch.full(shape, MEAN), latent_dim=16, **one, **relu).to(DEVICE)
    x = (torch.rand((images, *shape)) < MEAN).float().to(DEVICE)
    like = torch.zeros((), dtype=torch.bfloat16 if precision == "bf16" else torch.float32, device=DEVICE)
    layers = [(ROWS, 16, 512), (ROWS, 512, 784)]
    bare = products(layers, like) if precision == "fp32" or has_bf16(DEVICE.type) else None
    timed: dict[str, Timed] = {"ours": lambda: evidence(model, x, num_samples, precision)}
    if bare is not None:
        timed["limit"] = lambda: [bare() for _ in range(num_samples // ROWS or 1)]
    peer = pythae(model)
    if peer is not None:
        timed["peer"] = lambda: peer(x[0], num_samples)
    seconds = interleaved(timed, rounds=5)
    of_limit = seconds["limit"] * num_samples / (ROWS * (num_samples // ROWS or 1)) if bare is not None else None
    return Row(
        f"L_K of an image, 784-512-16, {precision}",
        num_samples,
        "samples",
        seconds["ours"] / images,
        "the products of its decoder",
        of_limit,
        "Pythae 0.1.2 get_nll" if peer is not None else "",
        seconds.get("peer"),
        _differences(model, x, num_samples, precision, peer),
    )


def evidence(model: VAE, x: Tensor, num_samples: int, precision: Precision = "fp32") -> Tensor:
    """L_K of each image, of one stream."""
    noise = Stream.seeded(0, x.device)
    return importance_evidence(model, x, num_samples=num_samples, noise=noise, precision=precision).log_evidence


def _differences(model: VAE, x: Tensor, num_samples: int, precision: Precision, peer: Peer | None) -> str:
    """In nats, from float32 and from the peer, on the same draws."""
    own = evidence(model, x[:1], num_samples, precision)
    said = []
    if precision != "fp32":
        gaps = (evidence(model, x, num_samples, precision) - evidence(model, x, num_samples)).abs()
        said = [f"{gaps.max():.3f} nats at most from fp32"]
        said += [] if has_bf16(DEVICE.type) else ["no bf16 instructions here: rounded factors in fp32"]
    if peer is not None:
        drawn = Stream.seeded(0, x.device).normal((num_samples, 1, 16), x)[:, 0]
        said.append(f"{abs(own.item() - peer(x[0], num_samples, drawn)):.1e} nats from the peer")
    return "; ".join(said)


Peer = Callable[..., float]


def pythae(model: VAE) -> Peer | None:
    """Pythae's `get_nll` of one image by the very weights of a perceptron, on given draws (K, D) if any; None where it
    is not installed."""
    try:
        from pythae.models import VAE as Theirs
        from pythae.models import VAEConfig
        from pythae.models.base.base_utils import ModelOutput
        from pythae.models.nn import BaseDecoder, BaseEncoder
    except ImportError:
        return None

    class Encoder(BaseEncoder):
        def forward(self, x: Tensor) -> ModelOutput:
            found = model.encoder.tensors(x)
            return ModelOutput(embedding=found["mean"], log_covariance=2 * found["log_stddev"])

    class Decoder(BaseDecoder):
        def forward(self, z: Tensor) -> ModelOutput:
            return ModelOutput(reconstruction=torch.sigmoid(model.decoder.network(z)).unflatten(1, (1, 28, 28)))

    config = VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce")
    theirs = Theirs(config, Encoder(), Decoder()).eval().to(DEVICE)
    plain = theirs._sample_gauss

    @torch.no_grad()
    def get_nll(x: Tensor, num_samples: int, drawn: Tensor | None = None) -> float:
        parts = iter(() if drawn is None else drawn.split(100))
        theirs._sample_gauss = plain if drawn is None else lambda mean, std: (mean + std * next(parts), None)
        # in spite of its name it is plus log p(x)
        return float(theirs.get_nll(x[None], n_samples=num_samples, batch_size=100))

    return get_nll


def convolutional(images: int) -> Row:
    """L_100 of 64x64 images by the default `conv`, beside the products that its layers are."""
    torch.manual_seed(0)
    shape, count = (1, 64, 64), 100
    all_of_float32()
    model = conv(shape, torch.full(shape, MEAN)).to(DEVICE)
    x = (torch.rand((images, *shape)) < MEAN).float().to(DEVICE)
    n = 10  # codes at a time
    convolutions = [(n * 16, 64, 1024), (n * 64, 64, 512), (n * 256, 32, 512), (n * 1024, 32, 16)]
    layers = [(n, 10, 256), (n, 256, 1024), *convolutions]
    bare = products(layers, x)
    timed: dict[str, Timed] = {"ours": lambda: evidence(model, x, count), "limit": lambda: [bare() for _ in range(10)]}
    seconds = interleaved(timed, rounds=3)
    name = "L_100 of an image of 64x64, conv"
    return Row(name, count, "samples", seconds["ours"] / images, "the products of its decoder", seconds["limit"])
