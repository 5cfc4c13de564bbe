"""Every requested metric on one representation, of a run or brought along: `python -m benchmark.evaluate codes.npz`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from benchmark.compose import compose
from benchmark.configuration import Component, ConfigurationError
from benchmark.datasets import Dataset
from benchmark.encode import representation_of
from benchmark.evidence import Subject
from benchmark.loading import load_dataset
from benchmark.record import SCHEMA, write_json
from benchmark.scores import score_table
from benchmark.streams import numpy_stream, seed_of
from metrics.core import Inapplicable, Representation, Score

if TYPE_CHECKING:
    import pandas as pd

CHECKED = 200  # examples a metric is tried on


class Evaluation(NamedTuple):
    """What measuring one run gave."""

    scores: tuple[Score, ...]
    left_out: dict[str, str]  # selector -> why this run cannot feed it
    examples: tuple[int, int] = (0, 0)  # in the train and test part


def evaluate(
    metrics: Iterable[Component], explicit: bool, representation: Representation, subject: Subject | None, seed: int
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


def _measure(metric: Component, representation: Representation, subject: Subject | None, seed: int) -> list[Score]:
    function = metric.build()
    if metric.target.startswith("benchmark."):  # evidence: needs the model and its densities
        assert subject is not None
        subject.generator.manual_seed(seed_of(seed, metric.name))
        return function(subject)
    return function(representation, numpy_stream(seed, metric.name))


def score(source: Any, overrides: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
    """Scores of a representation as a table: a mapping of arrays (keys as in an npz file), a path, or module:function.

    `overrides` are those of the command line, such as "metrics=[mig,dci]", or "dataset=sprites" for a callable.
    """
    import pandas as pd

    return pd.DataFrame([asdict(found) for found in score_source(source, overrides, seed).scores])


def score_source(source: Any, overrides: Sequence[str], seed: int) -> Evaluation:
    """The run metrics (those of arrays; densities need a model) of whatever `source` names."""
    from benchmark.bring import from_arrays, from_callable, read_npz

    plan = compose(list(overrides))
    if isinstance(source, Mapping):
        representation = from_arrays(source, seed)
    elif ":" in str(source) and not Path(source).exists():
        representation = from_callable(str(source), load_dataset(plan.dataset, plan.settings))
    else:
        path = Path(source)
        representation = read_npz(path / "codes.npz" if path.is_dir() else path, seed)
    metrics = [metric for metric in plan.metrics if metric.target.startswith("metrics.")]
    if plan.metrics_explicit and len(metrics) < len(plan.metrics):
        names = sorted({metric.name for metric in plan.metrics} - {metric.name for metric in metrics})
        raise ConfigurationError(f"metrics=[{','.join(names)}]: needs a model and its densities; codes have none")
    found = evaluate(metrics, plan.metrics_explicit, representation, None, seed)
    return found._replace(examples=(len(representation.train), len(representation.test)))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: print the table and write <stem>.scores.json beside the codes; 2 where they are refused."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.evaluate", description=__doc__)
    parser.add_argument("source", help="codes.npz, a run's folder, or module:function")
    parser.add_argument("overrides", nargs="*", help="metrics=[mig,dci], dataset=sprites (for a function), seed=0")
    given = parser.parse_args(arguments)
    try:
        seed = compose(given.overrides).settings.seed
        found = score_source(given.source, given.overrides, seed)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(score_table(found.scores))
    fitted, scored = found.examples
    print(f"{fitted} examples to fit on, {scored} that the scores are of; seed={seed} draws what is random")
    for name, reason in found.left_out.items():
        print(f"left out: {name}: {reason}")
    written = _scores_file(given.source)
    content = {
        "schema": SCHEMA,
        "seed": seed,
        "examples": found.examples,
        "scores": [asdict(item) for item in found.scores],
    }
    write_json(written, {**content, "left_out": found.left_out})
    print(f"written: {written}")
    return 0


def _scores_file(source: str) -> Path:
    path = Path(source)
    if path.is_dir():
        return path / "codes.scores.json"
    return path.with_suffix(".scores.json") if path.exists() else Path(f"{source.replace(':', '.')}.scores.json")


if __name__ == "__main__":
    sys.exit(main())
