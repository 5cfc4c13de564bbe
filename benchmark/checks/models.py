"""What holds of every model: three modules that return distributions of the right shape, weights by the seed alone."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmark.checks.laws import Broken, equal, hold
from models.noise import Stream
from models.vae import VAE

SHAPES = ((1, 8, 8), (3, 9, 14), (1, 28, 28), (1, 64, 64))
Build = Callable[[tuple[int, ...]], VAE]  # from the shape of an example


def distributions_of_the_right_shape(model: VAE, shape: tuple[int, ...]) -> None:
    """q(z|x): batch (B,), event (D,); p(z): event (D,); p(x|z): batch (K, B), event (*shape); finite log-densities."""
    hold(isinstance(model, VAE), f"gives {type(model).__name__}, expected models.vae.VAE")
    x = torch.rand((2, *shape), generator=torch.Generator().manual_seed(0)).round()
    found = model.infer(x, 3, Stream.seeded(0))
    event, latent = found.likelihood.event_shape, (found.z.shape[-1],)
    batch = tuple(found.posterior.batch_shape)
    hold(batch == (2,), f"q(z|x) of 2 images has batch shape {batch}, expected (B,) = (2,)")
    for name, part in (("q(z|x)", found.posterior), ("p(z)", found.prior)):
        hold(part.event_shape == latent, f"{name} has event shape {tuple(part.event_shape)}, expected (D,) = {latent}")
    hold(found.likelihood.batch_shape == (3, 2), "p(x|z) of codes (K, B, D) has no batch shape (K, B)")
    hold(event == shape, f"p(x|z) has event shape {tuple(event)}, expected that of the images, {shape}")
    for name in ("log_px_z", "log_pz", "log_qz_x"):
        value = getattr(found, name)
        hold(value.shape == (3, 2), f"{name} has shape {tuple(value.shape)}, expected (K, B) = (3, 2)")
        hold(value.isfinite().all(), f"{name} is NaN or infinite")


def right_shapes_somewhere(build: Build) -> None:
    """On every size of images that the model does not refuse by a ValueError; there must be one."""
    refusals = []
    for shape in SHAPES:
        try:
            model = build(shape)
        except ValueError as error:
            refusals.append(f"{shape}: {error}")
            continue
        distributions_of_the_right_shape(model, shape)
    if len(refusals) == len(SHAPES):
        raise Broken(f"refuses every shape that was tried, {'; '.join(refusals)}")


def same_seed_same_weights(build: Build) -> None:
    """Whatever was drawn before from torch's global stream."""
    for shape in SHAPES:
        try:
            first = build(shape)
        except ValueError:
            continue
        torch.rand(100)
        second = build(shape)
        same = all(equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
        hold(same, "two builds of one seed have different weights")
        return


LAWS = (right_shapes_somewhere, same_seed_same_weights)
