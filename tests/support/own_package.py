"""A package of the user's own, as small as one can be: an objective, two metrics, an experiment."""

from __future__ import annotations

from pathlib import Path

CODE = """
import numpy as np
from benchmark.measure.densities import TrainedModel
from metrics.core import Representation, Score
from metrics.declared import REPRESENTATION, Declared
from models.types import NonNegative
from models.vae import VAE, Batch
from torch import Tensor

SCORES = (
    Declared("spread", "code spread", "mean power of the distance to the mean code",
             "from 0; 0: one code for all; no usable zero, noise is about 1.0", "units",
             range=(0.0, np.inf), topic=REPRESENTATION, column=90,
             changed_by=("small", "large", "constant", "one_axis", "outlier", "noise_far")),
    Declared("log_prior", "log p(mean code)", "the prior's log-density of the mean codes", "no usable zero", "nats",
             None, (-np.inf, np.inf)),
)


def tempered(model: VAE, batch: Batch, *, temperature: NonNegative = 0.5) -> Tensor:
    inference = model.infer(batch.x, 1, batch.noise)
    return inference.log_px_z[0] / temperature - inference.kl


def spread(representation: Representation, rng: np.random.Generator, *, power: float = 2.0) -> list[Score]:
    value = float((np.abs(representation.test.mean - representation.test.mean.mean(0)) ** power).mean())
    return [Score("spread", value, unit="units", better="higher", representation=representation.point)]


def log_prior(trained: TrainedModel) -> list[Score]:
    values = [trained.model.prior().log_prob(q.mean).mean().item() for _, q in trained.blocks()]
    return [Score("log_prior", float(np.mean(values)), unit="nats")]
"""
YAML = {
    "objective/tempered": "# The ELBO with a tempered likelihood.\n_target_: NAME.tempered\ntemperature: 0.5\n",
    "metrics/spread": "# Mean spread of the code's axes.\nspread:\n  _target_: NAME.spread\n  power: 2.0\n",
    "metrics/log_prior": "# The prior's log-density of the mean codes.\nlog_prior:\n  _target_: NAME.log_prior\n",
    "experiment/mine/smoke": "# @package _global_\n# Two seeds.\ndefaults:\n  - override /dataset: digits\n"
    "  - override /objective: tempered\n  - override /metrics: [spread, log_prior]\n  - _self_\n"
    "hydra:\n  mode: MULTIRUN\nsweep:\n  - seed: [0, 1]\nmodel:\n  latent_dim: 4\n"
    "trainer:\n  steps: 5\n  validations: 1\n",
}


def write_package(folder: Path, name: str = "mypkg", code: str = CODE, **yaml: str) -> Path:
    """`folder`/NAME with its code in __init__.py and its choices in conf; returns its folder."""
    package = folder / name
    package.mkdir()
    (package / "__init__.py").write_text(code)
    for choice, text in (yaml or YAML).items():
        path = package / "conf" / f"{choice}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NAME", name))
    return package


def install(folder: Path, name: str = "mypkg", version: str = "1.2") -> None:
    """What an installer writes beside a package of that name: its version and its entry point."""
    notes = folder / f"{name}-{version}.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (notes / "entry_points.txt").write_text(f"[betterbound]\n{name} = {name}\n")
