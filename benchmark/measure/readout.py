"""What is measured of a run: posteriors and codes of its probe and test splits, and what evidence needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch.distributions import Distribution

from benchmark.config.components import Component
from benchmark.measure.densities import TrainedModel
from benchmark.measure.encode import PARTS, encode, encoded, representation_of
from benchmark.measure.engine import evaluate
from benchmark.store.documents import digest
from benchmark.training.noise import noise_stream
from benchmark.training.setup import REHEARSAL, Setup
from metrics.core import Prior, Representation
from models.distributions import assumed_prior

_rehearsed: set[str] = set()

Posteriors = Mapping[str, Sequence[Distribution]]  # posteriors of the probe-train and test parts, in blocks


def posteriors_of(setup: Setup, most: int | None = None) -> Posteriors:
    """The posteriors of the first `most` probe-train and test examples, the only use an evaluation makes of the
    encoder; none for a reference."""
    model = setup.model
    return {split: encode(model, x[:most]) if model is not None else [] for split, x in setup.drawn.items()}


def represent(setup: Setup, posteriors: Posteriors, most: int | None = None) -> Representation:
    """The codes of the probe-train and test parts, of the first `most` examples each."""
    if setup.model is None:
        assert setup.reference is not None
        return setup.reference

    seed, parts = setup.plan.settings.evaluation_seed, {}
    for split in PARTS:
        noise = noise_stream(seed, f"codes {split}", setup.device)
        parts[split] = encoded(posteriors[split], noise)
    prior: Prior | None = assumed_prior(setup.model.prior())
    return representation_of(setup.dataset, parts, prior=prior, most=most)


def trained_model_of(setup: Setup, posteriors: Posteriors) -> TrainedModel:
    """What evidence is measured on."""
    x, known = setup.drawn["test"], posteriors["test"]
    return TrainedModel(setup.plan, setup.dataset, setup.model, x, known)


def rehearse_metrics(setup: Setup, metrics: tuple[Component, ...]) -> None:
    """The metrics once on a few untrained codes: what does not fit the data fails now, not after hours."""
    parts = [setup.plan.dataset, setup.plan.model, *metrics]
    key = digest({str(i): part.as_config() for i, part in enumerate(parts)})
    if not metrics or key in _rehearsed:  # once in a process: seeds do not change what fits what
        return
    posteriors = posteriors_of(setup, REHEARSAL)
    trained = replace(trained_model_of(setup, posteriors_of(setup, 2)), x=setup.drawn["test"][:2])
    evaluate(metrics, setup.plan.metrics_explicit, represent(setup, posteriors, REHEARSAL), trained, 0)
    _rehearsed.add(key)
