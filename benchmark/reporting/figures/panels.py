"""A panel per comparison group, with its title, beside one legend of the configurations that are drawn."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.drawing.layout import Block, Row, Sides, in_rows, lay_out, room_above, wrapped
from benchmark.reporting.columns import group_titles
from benchmark.reporting.figures.style import Mark, entries

ACROSS, TITLE = 3, 10  # panels in a row; points


def group_panels(
    groups: Sequence[str],
    board: pd.DataFrame,
    by_label: Mapping[str, Mark],
    drawn: Collection[str],
    head: str,
    size: tuple[float, float],
) -> tuple[Figure, list[Axes]]:
    """The figure and a panel of that width and height (inches) for each group; the legend names the labels `drawn`."""
    titles, (wide, high) = group_titles(board["group"].unique()), size
    legend = entries({name: mark for name, mark in by_label.items() if name in drawn})
    words = [wrapped(titles[group], wide, TITLE) for group in groups]
    block = Block([Row(panels, wide, high, room_above(words, TITLE)) for panels in in_rows(len(groups), ACROSS)])
    figure, [rows] = lay_out([block], head, Sides(0.65), legend, beside=True)
    axes = [ax for row in rows for ax in row]
    for ax, title in zip(axes, words, strict=True):
        ax.set_title(title, fontsize=TITLE)
    return figure, axes
