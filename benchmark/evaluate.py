"""Every requested metric on one representation, of a run or brought along: `python -m benchmark.evaluate codes.npz`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmark.codes import FILE as CODES
from benchmark.compose import compose
from benchmark.configuration import Component, ConfigurationError, Plan
from benchmark.evidence import Subject
from benchmark.files import write_json
from benchmark.loading import load_dataset
from benchmark.record import SCHEMA
from benchmark.scores import score_table
from benchmark.streams import numpy_stream, seed_of
from benchmark.unscored import lines
from metrics.core import Inapplicable, Representation, Score, flagged

if TYPE_CHECKING:
    import pandas as pd


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


def _measure(metric: Component, representation: Representation, subject: Subject | None, seed: int) -> list[Score]:
    function = metric.build()
    if metric.target.startswith("benchmark."):  # evidence: needs the model and its densities
        assert subject is not None
        subject.generator.manual_seed(seed_of(seed, metric.name))
        return function(subject)
    return flagged(function(representation, numpy_stream(seed, metric.name)), representation)


def score(source: Any, overrides: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
    """Scores of a representation as a table: a mapping of arrays (keys as in an npz file), a path, or module:function.

    `overrides` are those of the command line, such as "metrics=[mig,dci]", or "dataset=sprites" for a callable.
    """
    import pandas as pd

    return pd.DataFrame([asdict(found) for found in score_source(source, compose(list(overrides)), seed).scores])


def score_source(source: Any, plan: Plan, seed: int) -> Evaluation:
    """The run metrics (those of arrays; densities need a model) of whatever `source` names."""
    metrics = [metric for metric in plan.metrics if metric.target.startswith("metrics.")]
    if plan.metrics_explicit and len(metrics) < len(plan.metrics):
        names = sorted({metric.name for metric in plan.metrics} - {metric.name for metric in metrics})
        raise ConfigurationError(f"metrics=[{','.join(names)}]: needs a model and its densities; codes have none")
    representation = _brought(source, plan, seed)
    try:
        found = evaluate(metrics, plan.metrics_explicit, representation, None, seed)
    except ValueError as error:
        raise ConfigurationError(f"{'arrays' if isinstance(source, Mapping) else source}: {error}") from error
    return found._replace(examples=(len(representation.train), len(representation.test)))


def _brought(source: Any, plan: Plan, seed: int) -> Representation:
    from benchmark.bring import from_arrays, from_callable, is_callable, read_npz

    if isinstance(source, Mapping):
        return from_arrays(source, seed)
    if is_callable(str(source)):
        return from_callable(str(source), load_dataset(plan.dataset, plan.settings))
    return read_npz(Path(source) / CODES if os.path.isdir(source) else Path(source), seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: print the table and write <stem>.scores.json beside the codes.

    What cannot be scored or written ends in one line and exit code 2; nothing is written then.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmark.evaluate", description=__doc__)
    parser.add_argument("source", help="codes.npz, a run's folder, or module:function")
    parser.add_argument("overrides", nargs="*", help="metrics=[mig,dci], dataset=sprites (for a function), seed=0")
    parser.add_argument("--output", type=Path, help="the file to write instead of <stem>.scores.json beside the codes")
    given = parser.parse_args(arguments)
    try:
        _conduct(given.source, given.overrides, given.output or _scores_file(given.source))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _conduct(source: str, overrides: Sequence[str], output: Path) -> None:
    _check_writable(output)
    plan = compose(overrides)
    seed = plan.settings.seed
    found = score_source(source, plan, seed)
    print(score_table(found.scores))
    fitted, scored = found.examples
    print(f"{fitted} examples to fit on, {scored} that the scores are of; seed={seed} draws what is random")
    for line in lines(found.left_out):
        print(line)
    scores = [asdict(item) for item in found.scores]
    content = {"schema": SCHEMA, "seed": seed, "examples": found.examples, "scores": scores}
    try:
        write_json(output, {**content, "left_out": found.left_out})
    except OSError as error:
        raise _unwritable(output, error.strerror or str(error)) from error
    print(f"written: {output}")


def _check_writable(output: Path) -> None:
    """An error at once where the scores could not be kept, and not after minutes of measuring."""
    folder = output.parent
    if os.path.isdir(folder) and not os.access(folder, os.W_OK):
        raise _unwritable(output, "the folder is read-only")


def _unwritable(output: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"cannot write {output} ({reason}); name another file with --output")


def _scores_file(source: str) -> Path:
    path = Path(source)
    if os.path.isdir(source):
        return path / "codes.scores.json"
    return (
        path.with_suffix(".scores.json") if os.path.exists(source) else Path(f"{source.replace(':', '.')}.scores.json")
    )


if __name__ == "__main__":
    sys.exit(main())
