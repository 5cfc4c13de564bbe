"""What explains the variance of each score, as bars: the method, its hyper-parameter, the seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from benchmark.drawing.layout import LABEL, Block, Row, Sides, lay_out, width_of
from benchmark.reporting.figures.scores import shown, words_of
from benchmark.reporting.figures.style import PALETTE
from benchmark.reporting.variance import sizes_of

BAR, WIDE = 0.32, 5.2  # inches
CAUSES = {"method": "method", "strength": "its hyper-parameter", "seed": "seed"}
COLOURS = (PALETTE[0], PALETTE[1], "0.8")
LINES = "lines: 95 % intervals of the end of the method's share (upper), the start of the seed's (lower)"


def bars(variance: pd.DataFrame, titles: dict[str, str]) -> Figure | None:
    """A bar per score, method, hyper-parameter and seed beside each other; a block per group."""
    if variance.empty:
        return None
    groups = {str(group): of for group, of in variance.groupby("group")}
    names = {group: shown(list(of["score"].unique())) for group, of in groups.items()}
    blocks = [
        Block([Row(1, WIDE, BAR * len(names[group]), above=0.0, below=0.3)], f"{titles[group]}\n{sizes_of(of)}")
        for group, of in groups.items()
    ]
    left = 0.25 + max(width_of(map(words_of, of), LABEL) for of in names.values())
    legend = [Patch(color=colour, label=words) for words, colour in zip(CAUSES.values(), COLOURS, strict=True)]
    head = f"What explains a score's variance over runs\n{LINES}"
    figure, places = lay_out(blocks, head, Sides(left, right=0.35), legend)
    for [[ax]], (group, of) in zip(places, groups.items(), strict=True):
        _draw_bars(ax, of, names[group])
    return figure


def _draw_bars(ax: Axes, rows: pd.DataFrame, chosen: Sequence[str]) -> None:
    share, low, high = (
        rows.pivot(index="score", columns="cause", values=value).loc[list(chosen), list(CAUSES)]
        for value in ("share", "low", "high")
    )
    places, left = -np.arange(len(chosen)), np.zeros(len(chosen))
    for cause, colour in zip(CAUSES, COLOURS, strict=True):
        part = share[cause].to_numpy()
        ax.barh(places, part, 0.8, left, color=colour, linewidth=0)
        for y, x, size in zip(places.tolist(), left + part / 2, part, strict=True):
            if size > 0.05:
                ink = "white" if cause == "method" else "0.1"
                ax.text(x, y, f"{size:.0%}", ha="center", va="center_baseline", fontsize=7, color=ink)
        left = left + part
    # each line is the interval of one edge of the middle part, and runs clear of the numbers
    ax.hlines(places + 0.3, low["method"], high["method"], color="0.1", linewidth=1)
    ax.hlines(places - 0.3, 1 - high["seed"], 1 - low["seed"], color="0.1", linewidth=1)
    ax.set(xlim=(0, 1), ylim=(-len(chosen) + 0.4, 0.6))
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_yticks(places, [words_of(name) for name in chosen])
    ax.grid(False, axis="y")
