"""python -m benchmark --help: every group and its choices, one line each, read from the first lines of conf/."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from benchmark.config.packages import Package
from benchmark.store.groups import EVERY, SECOND

USAGE = """\
Better Bound: does a better bound make a better representation?

  python -m benchmark experiment=quickstart                              a whole comparison, with its report
  python -m benchmark dataset=mnist5k objective=iwae objective.num_samples=50 seed=3    one run
  python -m benchmark -m objective=elbo,iwae seed=0,1,2                   a sweep on all cores
  python -m benchmark experiment=quickstart dry_run=true                  what would run, and how long it takes
  python -m benchmark.report results/quickstart                           tables and figures again, from the records
  python -m benchmark check mypkg                                         the laws over a package of yours

Choose one of each group (metrics and readouts also as a list, metrics=[mig,dci]); set numbers as group.key=value."""


def guide(packages: Sequence[Package] = ()) -> str:
    """The help text, with the choices of packages of the user's."""
    folder = files("conf")
    parts = [USAGE]
    for group in EVERY:
        lines = [f"  {name:19} {line}" for name, line in _all_choices(folder, packages, group)]
        if group == "metrics":
            lines.insert(0, f"  {'auto':19} All of the following that the data set can feed (the default).")
            lines.insert(1, f"  {'headline':19} Of them those that the quickstart's tables show: seconds a run.")
        parts.append("\n".join([f"{group}=", *lines]))
        if group == "objective":
            parts.append(
                f"objective@{SECOND}=\n  the same names: another objective, for phases of the trainer that ask for it"
            )
    return "\n\n".join([*parts, "\n".join(["other keys:", *_keys(folder)])])


def _all_choices(folder: Traversable, packages: Sequence[Package], group: str) -> list[tuple[str, str]]:
    """Names and lines of a group; those of a package say so."""
    theirs = [
        (name, f"{line} ({package.name})")
        for package in packages
        for name, line in _choices(Path(package.conf) / group, "")
    ]
    return sorted([*_choices(folder / group, ""), *theirs])


def _choices(folder: Traversable, prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir():
            found += _choices(path, f"{prefix}{path.name}/")
        elif path.name.endswith(".yaml"):
            found.append((prefix + path.name.removesuffix(".yaml"), description(path)))
    return found


def description(path: Traversable) -> str:
    """The first comment line of a YAML that is not Hydra's package header."""
    lines = (line for line in path.read_text().splitlines() if line.startswith("#"))
    return next((line.lstrip("# ") for line in lines if "@package" not in line), "")


def _keys(folder: Traversable) -> list[str]:
    text = (folder / "config.yaml").read_text().split("\n\n")[1]
    lines = []
    for line in text.splitlines():
        key, _, comment = line.partition("  # ")
        if comment:
            lines.append(f"  {key:22} {comment.lstrip('# ')}")
    return lines
