"""What is measured of a run: posteriors of its probe and test splits, and for each readout codes and densities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch.distributions import Distribution

from benchmark.config.components import Component, ConfigurationError
from benchmark.measure.densities import TrainedModel
from benchmark.measure.encode import BLOCK, PARTS, encode, encoded, representation_of
from benchmark.measure.engine import evaluate
from benchmark.store.documents import digest
from benchmark.training.noise import noise_stream
from benchmark.training.setup import REHEARSAL, Setup
from metrics.core import AMORTISED, Prior, Representation
from models.distributions import assumed_prior, has_density
from models.readouts import Reading

OF_THE_ENCODER = Component(AMORTISED, "models.readouts.amortised", {})
_rehearsed: set[str] = set()

Posteriors = Mapping[str, Sequence[Distribution]]  # posteriors of the probe-train and test parts, in blocks


class Seen(NamedTuple):
    """What metrics look at: arrays of codes, or the model and its densities."""

    representation: Representation
    trained: TrainedModel


def posteriors_of(setup: Setup, most: int | None = None) -> Posteriors:
    """The posteriors of the first `most` probe-train and test examples, the only use an evaluation makes of the
    encoder; none for a reference."""
    model = setup.model
    return {split: encode(model, x[:most]) if model is not None else [] for split, x in setup.drawn.items()}


def see(setup: Setup, readout: Component, posteriors: Posteriors, most: int | None = None) -> Seen:
    """The codes of the probe-train and test parts by a readout, of the first `most` examples each, and its densities.

    Each readout and split has a stream of its own.
    """
    if setup.model is None:
        assert setup.reference is not None
        return Seen(setup.reference, trained_model_of(setup, posteriors))
    found = {split: _read(setup, readout, split, posteriors[split]) for split in PARTS}
    prior: Prior | None = assumed_prior(setup.model.prior())
    parts = {split: encoded(readings) for split, readings in found.items()}
    codes = representation_of(setup.dataset, parts, prior=prior, readout=readout.name, most=most)
    trained = trained_model_of(setup, posteriors)
    return Seen(codes, trained if readout.name == AMORTISED else _of_readings(trained, readout, found))


def require_densities(setup: Setup) -> None:
    """ConfigurationError where the codes are points, which there is one way to read."""
    others = [readout.name for readout in setup.plan.readouts if readout.name != AMORTISED]
    if others and setup.dataset.labels:
        why = f"looks at the label, which codes are not to know; leave it out, readout={AMORTISED}"
        raise ConfigurationError(f"readout={others[0]}: {why}")
    if others and setup.model is not None and not has_density(posteriors_of(setup, 2)["test"][0]):
        why = f"needs a posterior with a density, and the codes are points; leave it out, readout={AMORTISED}"
        raise ConfigurationError(f"readout={others[0]}: {why}")


def left_out(setup: Setup, readout: Component) -> str:
    """Why a run has nothing to read in this way, or nothing."""
    reference = setup.model is None and readout.name != AMORTISED
    return f"codes of a reference have no posterior, readout={AMORTISED} alone has them" if reference else ""


def _read(setup: Setup, readout: Component, split: str, posteriors: Sequence[Distribution]) -> list[Reading]:
    name = f"codes {split}" if readout.name == AMORTISED else f"codes {split} {readout.name}"
    noise = noise_stream(setup.plan.settings.evaluation_seed, name, setup.device)
    read = readout.build()
    with torch.no_grad():
        blocks = zip(torch.split(setup.drawn[split], BLOCK), posteriors, strict=False)
        return [read(setup.model, x[: q.batch_shape[0]], q, noise) for x, q in blocks]


def _of_readings(trained: TrainedModel, readout: Component, found: Mapping[str, Sequence[Reading]]) -> TrainedModel:
    """The densities of a readout that is not the encoder's own."""
    readings = found["test"]
    posteriors, probe = (
        [one.posterior for one in found[split] if one.posterior is not None] for split in ("test", "probe")
    )
    distortions = [one.distortion for one in readings if one.distortion is not None]
    return replace(
        trained,
        posteriors=posteriors,
        readout=readout.name,
        distortion=torch.cat(distortions) if distortions else None,
        unread=readings[0].no_density,
        probe=probe,
    )


def trained_model_of(setup: Setup, posteriors: Posteriors) -> TrainedModel:
    """What evidence is measured on, by the encoder's own posteriors."""
    x, known = setup.drawn["test"], posteriors["test"]
    return TrainedModel(setup.plan, setup.dataset, setup.model, x, known, probe=posteriors["probe"])


def rehearse_metrics(setup: Setup, metrics: Sequence[Component]) -> None:
    """The metrics once on a few untrained codes, and every readout on two examples: what does not fit fails now, not
    after hours."""
    plan = setup.plan
    parts = [*plan.parts.values(), *plan.readouts, *metrics]
    key = digest({str(i): part.as_config() for i, part in enumerate(parts)})
    others = [readout for readout in plan.readouts if readout.name != AMORTISED]
    if not (metrics or others) or key in _rehearsed:  # once in a process: seeds do not change what fits what
        return
    require_densities(setup)
    codes = see(setup, OF_THE_ENCODER, posteriors_of(setup, REHEARSAL), REHEARSAL).representation
    few = posteriors_of(setup, 2)
    for readout in plan.readouts:
        if not left_out(setup, readout):
            trained = replace(see(setup, readout, few, 2).trained, x=setup.drawn["test"][:2])
            evaluate(metrics, plan.metrics_explicit, codes, trained, 0)
    _rehearsed.add(key)
