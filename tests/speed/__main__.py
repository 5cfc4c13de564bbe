"""How fast everything is beside what the machine allows and beside peers: `python -m tests.speed [--quick] [names]`.

Each module beside this one gives `rows(quick) -> list[Row]`; the table and the figure go to results/speed/<machine>.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import pandas as pd

from benchmark.training.memory import keep_freed_blocks
from tests.speed.core import Row, machine
from tests.speed.figure import draw

HERE = Path(__file__).parent
APART = ("__main__", "core", "figure")  # what times nothing
MODULES = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in APART)


def main() -> None:
    """Time what is asked for, print the table, and keep it where all was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.speed", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(MODULES)}; all, unless some are named")
    parser.add_argument("--quick", action="store_true", help="less work, to see that it runs")
    parser.add_argument("--out", type=Path, default=Path("results/speed") / machine())
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(MODULES):
        parser.error(f"{min(unknown)}: there is none of that name; there are {', '.join(MODULES)}")
    keep_freed_blocks()  # as each process of a sweep does; peers that are timed here have it too
    kept = _read(asked.out / "speed.csv")
    for name in asked.names or MODULES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found = table(name, import_module(f"tests.speed.{name}").rows(asked.quick))
        print(_shown(found), flush=True)
        if not asked.quick:  # each as it comes, in place of what was there of it
            kept = pd.concat([kept[kept["suite"] != name], found]) if len(kept) else found
            _write(asked.out, kept)


def table(suite: str, rows: list[Row]) -> pd.DataFrame:
    """One line for each, with its ratios."""
    lines = [{"suite": suite, **asdict(row), "of_limit": row.of_limit, "times_peer": row.times_peer} for row in rows]
    return pd.DataFrame(lines)


def _shown(found: pd.DataFrame) -> str:
    """The table as text, seconds in ms."""
    seconds = {"seconds": "ms", "limit_seconds": "limit ms", "peer_seconds": "peer ms"}
    shown = found.rename(columns=seconds)
    shown[list(seconds.values())] = found[list(seconds)].astype(float) * 1e3
    whole = shown.drop(columns="suite").dropna(axis=1, how="all")
    return whole.to_string(index=False, float_format=lambda number: f"{number:.4g}", na_rep="")


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def _write(folder: Path, found: pd.DataFrame) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    found.sort_values(["suite"], kind="stable").to_csv(folder / "speed.csv", index=False, float_format="%.6g")
    draw(found, folder / "speed.png")


if __name__ == "__main__":
    main()
