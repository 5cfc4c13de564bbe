"""A trained model back from its run's folder: `load("results/.../runs/x")`, with images (N, *shape) in and out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.distributions import Distribution

from benchmark.config.components import Component, component
from benchmark.config.heads import apart
from benchmark.config.packages import packages_of
from benchmark.config.plan import Settings
from benchmark.datasets import Dataset
from benchmark.store.checkpoint import load_checkpoint
from benchmark.store.groups import HEADS
from benchmark.store.record import Record, read_record
from benchmark.training.loading import device_of, load_dataset
from benchmark.training.noise import noise_stream
from benchmark.training.pixels import Pixels
from benchmark.training.setup import assembled, examples_of
from models.noise import Noise
from models.sampling import draw
from models.vae import VAE

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 500  # examples at a time
Floats = NDArray[np.float32]


class Trained:
    """A run as it ended: its model, its record, its history, and the data set that it was trained on."""

    def __init__(self, folder: Path, record: Record, model: VAE, dataset: Dataset, device: torch.device) -> None:
        self.folder, self.record, self.model, self.dataset = folder, record, model, dataset
        self._device = device

    def __repr__(self) -> str:
        return f"Trained({self.folder.name}: {', '.join(f'{k}={v}' for k, v in self.record.choices.items())})"

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row per validation: step, epoch, learning rate, objective, rate and distortion in nats."""
        import pandas as pd

        return pd.read_csv(self.folder / "history.csv")

    def images(self, split: str = "test") -> Floats:
        """The images (N, *shape) of a split (train, validation, probe, test): grey in [0, 1], not binarised."""
        if split not in self.dataset.splits:
            raise ValueError(f"split {split!r}: there are {', '.join(self.dataset.splits)}")
        return self.dataset.decoded(self.dataset.splits[split])

    @torch.no_grad()
    def posterior(self, images: ArrayLike) -> Distribution:
        """q(z|x) of images (N, *shape): batch (N,), event (D,)."""
        return self.model.encoder(self._examples(images))

    @torch.no_grad()
    def encode(self, images: ArrayLike) -> Floats:
        """The codes of images (N, *shape) with values as the model was trained on: means of q(z|x), (N, D)."""
        parts = [self.model.encoder(x).mean for x in torch.split(self._examples(images), BLOCK)]
        return torch.cat(parts).cpu().numpy()

    @torch.no_grad()
    def decode(self, codes: ArrayLike) -> Floats:
        """What codes (N, D) are decoded to: the pictures that stand for p(x|z), (N, *shape), means or, where none is
        known, one draw each, always the same."""
        z = torch.as_tensor(np.asarray(codes, dtype=np.float32), device=self._device)
        size = self.model.prior().event_shape[-1]
        if z.ndim != 2 or z.shape[1] != size:
            raise ValueError(f"codes have shape {tuple(z.shape)}, expected (N, {size})")
        return self._pictures(z, None)

    @torch.no_grad()
    def sample(self, num_examples: int, seed: int = 0) -> Floats:
        """Means of p(x|z), or draws where none is known, for so many codes drawn from the prior, (n, *shape); always
        the same for one seed."""
        noise = noise_stream(seed, "samples", self._device)
        return self._pictures(draw(self.model.prior(), num_examples, noise), noise)

    def _pictures(self, z: Tensor, noise: Noise | None) -> Floats:
        return torch.cat([self.model.predict(part, noise) for part in torch.split(z, BLOCK)]).cpu().numpy()

    def _examples(self, images: ArrayLike) -> Tensor:
        x = torch.as_tensor(np.asarray(images, dtype=np.float32), device=self._device)
        shape = self.dataset.shape
        if x.shape[1:] == shape[1:] and shape[0] == 1 and x.ndim == len(shape):
            x = x[:, None]  # grey images without their axis of colours
        if x.shape[1:] != shape:
            raise ValueError(f"images have shape {tuple(x.shape)}, expected (N, {', '.join(map(str, shape))})")
        return x


def load(
    folder: Path | str, device: str = "auto", data_dir: str | None = None, cache_dir: str | None = None
) -> Trained:
    """The trained model of a run's folder, ready to encode, decode and sample.

    RecordError for a record that cannot be trusted; ValueError where nothing was trained, where the weights are missing
    or damaged, or where the data are not those that the run was trained on.
    """
    folder = Path(folder)
    record = read_record(folder)
    if record.status != "finished":
        raise ValueError(f"{folder}: the run failed ({record.error_line}); repeat it with force=true")
    packages = [found.name for found in packages_of((), record.provenance.get("packages", {}))]
    if record.reference:
        raise ValueError(f"{folder}: {record.choices.get('model')} is a row for comparison, nothing was trained for it")
    config = apart(record.config)
    parts = {group: _component(record, group, config[group], packages) for group in ("dataset", "model")}
    heads = {head: _component(record, head, config[head], packages) for head in HEADS if head in config}
    settings = Settings(data_dir=Path(data_dir) if data_dir else None, cache_dir=Path(cache_dir) if cache_dir else None)
    dataset = load_dataset(parts["dataset"], settings)
    if dataset.checksum != record.config["data_checksum"]:
        raise ValueError(f"{folder}: the data set {dataset.name} has changed since the run; name its files by data_dir")
    where = device_of(device)
    examples = examples_of(Pixels(dataset, "train", where), 0)  # how many: what they are, the weights know
    model = assembled(parts["model"], heads, dataset.shape, torch.zeros(dataset.shape), examples).to(where)
    if load_checkpoint(folder, model, record.identity) is None:
        raise ValueError(f"{folder}: its weights are missing or damaged; repeat the run with force=true")
    return Trained(folder, record, model.eval(), dataset, where)


def _component(record: Record, group: str, node: Any, packages: Sequence[str]) -> Component:
    found = component(group, record.choices.get(group, group), node, packages)
    assert found is not None
    return found
