"""What a model sees and dreams, drawn at run time: reconstructions, prior samples, latent traversals (PNG)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.drawing.layout import DPI, EDGE, LABEL, Block, Row, Sides, lay_out, width_of
from benchmark.store.files import write_atomically
from benchmark.training.noise import noise_stream
from metrics.core import Representation
from models.divergences import kl_per_dimension
from models.vae import VAE

Picture = Callable[[], None]
COLUMNS = 12
MOST_DIMENSIONS = 10
TILE = 0.62  # inches of an image


@torch.no_grad()
def pictures_of(
    folder: Path, model: VAE, x: Tensor, posteriors: Sequence[Distribution], seed: int, representation: Representation
) -> list[Picture]:
    """What draws reconstructions, prior_samples and traversals.png of images x (N, C, H, W), which are decoded now;
    nothing for vectors."""
    if x.ndim != 4:
        return []
    mean = torch.cat([posterior.mean for posterior in posteriors[:3]])
    shown = x[:COLUMNS]
    reconstructions = model.predict(mean[:COLUMNS])
    title = "test images (above) and what is decoded from the means of their codes (below)" + _drawn_too(model)
    both = torch.cat([shown, reconstructions])
    pictures: list[Picture] = [partial(_save, folder / "reconstructions.png", both, COLUMNS, title, None)]
    importance, unit = _importance(mean, posteriors[:3], model.prior())
    pictures.append(_traversals(folder / "traversals.png", model, mean, importance, unit))
    if representation.test.stddev is not None:
        samples = model.sample(5 * COLUMNS, noise_stream(seed, "pictures", x.device))
        said = "decoded from draws of the prior" + _drawn_too(model)
        pictures.append(partial(_save, folder / "prior_samples.png", samples, COLUMNS, said, None))
    return pictures


@contextmanager
def drawn_beside(pictures: Sequence[Picture], at_once: bool) -> Iterator[None]:
    """Draw them in a thread of their own while what is inside goes on (`at_once`), or when it has ended well."""
    if not at_once:
        yield
        _draw(pictures)
        return
    with ThreadPoolExecutor(1) as pool:
        drawing = pool.submit(_draw, pictures)
        yield
        drawing.result()


def _draw(pictures: Sequence[Picture]) -> None:
    for picture in pictures:
        picture()


def _drawn_too(model: VAE) -> str:
    return "; one draw of p(x|z) each" if model.predicts_draws else ""


def _importance(mean: Tensor, posteriors: Sequence[Distribution], prior: Distribution) -> tuple[Tensor, str]:
    """How much each dimension carries, (D,): its rate in nats where axis by axis there is one, else its variance."""
    rates = [kl_per_dimension(posterior, prior) for posterior in posteriors]
    if any(rate is None for rate in rates):
        return mean.var(0), "variance"
    return torch.cat([rate for rate in rates if rate is not None]).mean(0), "nats"


def _traversals(path: Path, model: VAE, means: Tensor, importance: Tensor, unit: str) -> partial[None]:
    order = importance.argsort(descending=True)[:MOST_DIMENSIONS]
    steps = torch.linspace(-2.5, 2.5, COLUMNS - 1, device=means.device)
    centre, spread = means.mean(0), means.std(0).clamp_min(0.1)
    codes = means[0].expand(len(order), len(steps), -1).clone()
    for row, dimension in enumerate(order.tolist()):
        codes[row, :, dimension] = centre[dimension] + steps * spread[dimension]
    images = model.predict(codes.flatten(0, 1))
    labels = [f"z{d}: {importance[d].item():.2f} {unit}" for d in order.tolist()]
    title = "one code changed at a time, from -2.5 to 2.5 standard deviations of its means" + _drawn_too(model)
    return partial(_save, path, images, len(steps), title, labels)


def _save(path: Path, images: Tensor, columns: int, title: str, labels: list[str] | None) -> None:
    tiles = _tiled(images.clamp(0, 1).cpu().numpy(), columns)
    rows = len(images) // columns
    left = width_of(labels or [], LABEL) + 0.1 + EDGE if labels else EDGE
    row = Row(1, columns * TILE, columns * TILE * tiles.shape[0] / tiles.shape[1], above=0.0, below=0.0)
    figure, [[[axes]]] = lay_out([Block([row])], title, Sides(left, right=EDGE))
    axes.imshow(tiles, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    axes.set_xticks([])
    height = tiles.shape[0] / rows
    axes.set_yticks([(i + 0.5) * height for i in range(rows)] if labels else [], labels or [], fontsize=LABEL)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DPI))


def _tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """(n, C, H, W) -> (rows (H + 1), columns (W + 1)) or the same with a last axis of 3 colours, grey lines between."""
    padded = np.pad(images, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=0.5)
    n, channels, height, width = padded.shape
    grid = padded.reshape(n // columns, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    grid = grid.reshape(n // columns * height, columns * width, channels)
    return grid[..., 0] if channels == 1 else grid[..., :3]
