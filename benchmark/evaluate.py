"""Every requested metric on one representation, of a run or brought along: `python -m benchmark.evaluate codes.npz`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmark.config.components import ConfigurationError
from benchmark.config.compose import compose
from benchmark.ending import ended
from benchmark.measure.engine import score_source
from benchmark.reporting.terminal import score_table
from benchmark.reporting.unscored import lines
from benchmark.store.files import write_json
from benchmark.store.record import SCHEMA


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
    sys.exit(ended(main))
