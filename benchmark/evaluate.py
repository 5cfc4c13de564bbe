"""Every requested metric on one representation: scores, matrices, and what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmark.configuration import Component, ConfigurationError
from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from benchmark.evidence import Subject
from benchmark.streams import numpy_stream, seed_of
from metrics.core import Inapplicable, Representation, Score

CHECKED = 200  # examples a metric is tried on


class Evaluation(NamedTuple):
    """What measuring one run gave."""

    scores: tuple[Score, ...]
    left_out: dict[str, str]  # selector -> why this run cannot feed it


def evaluate(
    metrics: Iterable[Component], explicit: bool, representation: Representation, subject: Subject, seed: int
) -> Evaluation:
    """Run the metrics, each with a random stream of its own, so that no score depends on which others were asked for.

    A metric that the data cannot feed is left out with its reason; where it was `explicit`ly asked for it is an error.
    """
    scores: list[Score] = []
    left_out: dict[str, str] = {}
    for metric in metrics:
        try:
            found = _measure(metric, representation, subject, seed)
        except Inapplicable as error:
            if explicit:
                raise ConfigurationError(f"metrics=[{metric.name}]: {error}") from error
            left_out[metric.name] = str(error)
            continue
        scores += [replace(score, selector=metric.name) for score in found]
    return Evaluation(tuple(scores), left_out)


def check_on_noise(metrics: Iterable[Component], dataset: Dataset) -> None:
    """Metrics on random codes of a few examples: ConfigurationError if the data cannot feed one of them."""
    rng = np.random.default_rng(0)

    def arrays(split: str, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        codes = rng.standard_normal((len(rows), 4))
        return codes, np.ones_like(codes), codes

    noise = representation_of(dataset, arrays, deterministic=False, most=CHECKED)
    for metric in metrics:
        if metric.target.startswith("metrics."):
            try:
                metric.build()(noise, rng)
            except Inapplicable as error:
                raise ConfigurationError(f"metrics=[{metric.name}]: {error}") from error


def _measure(metric: Component, representation: Representation, subject: Subject, seed: int) -> list[Score]:
    function = metric.build()
    if metric.target.startswith("benchmark."):  # evidence: needs the model and its densities
        subject.generator.manual_seed(seed_of(seed, metric.name))
        return function(subject)
    return function(representation, numpy_stream(seed, metric.name))
