"""What is measured of a run: posteriors and codes of its probe and test splits, and what evidence needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch.distributions import Distribution

from benchmark.config.components import Component
from benchmark.measure.densities import Subject
from benchmark.measure.encode import PARTS, encode, encoded, representation_of
from benchmark.measure.engine import evaluate
from benchmark.store.documents import digest
from benchmark.training.noise import torch_stream
from benchmark.training.setup import REHEARSAL, Stage
from metrics.core import Prior, Representation
from models.distributions import is_standard_normal

_rehearsed: set[str] = set()

Posteriors = Mapping[str, Sequence[Distribution]]  # posteriors of the probe-train and test parts, in blocks


def posteriors_of(stage: Stage, most: int | None = None) -> Posteriors:
    """The posteriors of the first `most` probe-train and test examples, the only use an evaluation makes of the
    encoder; none for a reference."""
    model = stage.model
    return {split: encode(model, x[:most]) if model is not None else [] for split, x in stage.drawn.items()}


def represent(stage: Stage, posteriors: Posteriors, most: int | None = None) -> Representation:
    """The codes of the probe-train and test parts, of the first `most` examples each."""
    if stage.model is None:
        assert stage.reference is not None
        return stage.reference

    seed, parts = stage.plan.settings.evaluation_seed, {}
    for split in PARTS:
        generator = torch_stream(seed, f"codes {split}", stage.device)
        parts[split] = encoded(posteriors[split], generator, stage.deterministic)
    prior: Prior | None = "standard_normal" if is_standard_normal(stage.model.prior()) else None
    return representation_of(stage.dataset, parts, prior=prior, most=most)


def subject_of(stage: Stage, posteriors: Posteriors) -> Subject:
    """What evidence is measured on."""
    generator = torch.Generator(device=stage.device)
    x, known = stage.drawn["test"], posteriors["test"]
    return Subject(stage.plan, stage.dataset, stage.model, x, known, generator, stage.deterministic)


def rehearse_metrics(stage: Stage, metrics: tuple[Component, ...]) -> None:
    """The metrics once on a few untrained codes: what does not fit the data fails now, not after hours."""
    parts = [stage.plan.dataset, stage.plan.model, *metrics]
    key = digest({str(i): part.as_config() for i, part in enumerate(parts)})
    if not metrics or key in _rehearsed:  # once in a process: seeds do not change what fits what
        return
    posteriors = posteriors_of(stage, REHEARSAL)
    subject = replace(subject_of(stage, posteriors_of(stage, 2)), x=stage.drawn["test"][:2])
    evaluate(metrics, stage.plan.metrics_explicit, represent(stage, posteriors, REHEARSAL), subject, 0)
    _rehearsed.add(key)
