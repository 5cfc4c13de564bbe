"""Records to pages: `python -m benchmark.report results/<experiment>` writes and prints what a folder of runs says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.config.components import locate
from benchmark.config.packages import KEY, OURS, metric_targets, packages_of
from benchmark.ending import ended
from benchmark.reporting.figures.write import FORMATS
from benchmark.reporting.leaderboard import Shown, report
from benchmark.store.files import Unwritable
from metrics.declared import read_also


def shown_of(words: Sequence[str]) -> Shown:
    """What `columns=[...]` and `formats=[...]` ask for; ValueError for anything else."""
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        key, sign, value = word.partition("=")
        if key not in ("columns", "formats") or not sign:
            raise ValueError(f"{word}: a report takes columns=[...] and formats=[...] beside its folder")
        listed = value[1:-1] if value.startswith("[") and value.endswith("]") else value
        found[key] = tuple(filter(None, (part.strip() for part in listed.split(","))))
    if wrong := sorted(set(found.get("formats", ())) - set(FORMATS)):
        raise ValueError(f"formats={wrong[0]}: unknown; choose from {', '.join(FORMATS)}")
    return Shown(**found)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, 1 if a record is damaged or an analysis raises, 2 if there is nothing to report."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="results/<experiment>")
    parser.add_argument("shown", nargs="*", help="columns=[rate,elbo] formats=[pdf,svg] packages=[mypkg]")
    given = parser.parse_args(arguments)
    named = [word for word in given.shown if word.startswith(f"{KEY}=")]
    try:
        _read_declarations(named)
        return report(given.folder, shown_of([word for word in given.shown if word not in named])).exit_code
    except (ValueError, Unwritable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _read_declarations(overrides: Sequence[str]) -> None:
    """What the user's packages say of their scores beside their metrics; a record's word for one is not taken."""
    packages = packages_of(overrides)
    for target in metric_targets(packages):
        if target.partition(".")[0] not in OURS:
            read_also(locate(target, [package.name for package in packages]).__module__)


if __name__ == "__main__":
    sys.exit(ended(main))
