"""How trainings ended: what the trained objective had still to gain at each step, in percent of its last value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from benchmark.reporting.figures.panels import group_panels
from benchmark.reporting.figures.style import Mark, marks
from benchmark.store.history import GAIN, LAST, progress

SIZE = (3.6, 2.8)  # inches of a panel
SHOWN = 10  # configurations of a panel, the first of the board
LEAST = 0.01  # percent, where the axis ends
HEAD = (
    "What the trained objective had still to gain on validation images (means, and all seeds as a band)\n"
    "converged: below the dotted line, 1 %, all through the last tenth, and at a constant learning rate"
)


def convergence_figure(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """A panel per comparison group, a line per trained configuration; None where no run has kept its history."""
    by_label = marks(board)
    found = {str(group): _lines(folder, rows, board) for group, rows in table.groupby("group", sort=True)}
    found = {group: rows for group, rows in found.items() if len(rows)}
    if not found:
        return None
    drawn = {label for rows in found.values() for label in rows["label"]}
    figure, axes = group_panels([*found], board, by_label, drawn, HEAD, SIZE)
    for ax, lines in zip(axes, found.values(), strict=True):
        _draw(ax, lines, by_label)
    return figure


def _lines(folder: Path, rows: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    """label, share of the steps (%), gap (%) of every run of the first configurations of a group."""
    of = board[(board["group"] == rows["group"].iloc[0]) & ~board["reference"]]
    shown = of.sort_values(["rank", "label"])["label"].drop_duplicates().head(SHOWN)
    runs = rows[rows["label"].isin(shown)].drop_duplicates("run")
    found = [
        (label, 100 * step / kept[-1][0], 100 * (kept[-1][1] - value) / abs(kept[-1][1]))
        for label, run in runs[["label", "run"]].itertuples(index=False, name=None)
        if len(kept := progress(folder / "runs" / run)) > 2 and kept[-1][0] and kept[-1][1]
        for step, value in kept[1:]
    ]
    return pd.DataFrame(found, columns=pd.Index(["label", "share", "gap"]))


def _draw(ax: Axes, lines: pd.DataFrame, by_label: dict[str, Mark]) -> None:
    for label, of in lines.groupby("label", sort=False):
        colour, gap = by_label[str(label)].colour, of.groupby("share")["gap"]
        low, mean, high = (np.maximum(part.to_numpy(), LEAST) for part in (gap.min(), gap.mean(), gap.max()))
        shares = np.array(sorted(of["share"].unique()))
        ax.plot(shares, mean, color=colour, marker=by_label[str(label)].marker, markersize=3.5)
        ax.fill_between(shares, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.axhline(100 * GAIN, color="0.3", linestyle=":", linewidth=1)
    ax.axvspan(100 * (1 - LAST), 100, color="0.5", alpha=0.12, linewidth=0)
    ax.set_yscale("log")
    ax.set_ylim(bottom=LEAST)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("steps (%)")
    ax.set_ylabel("still to gain (% of the last value)")
