"""The leaderboard as a figure: every headline score of every configuration, a facet per score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.drawing.layout import LABEL, Block, Sides, lay_out, width_of
from benchmark.reporting.columns import Column, columns, group_titles
from benchmark.reporting.figures.facets import facet_room, facet_rows, facet_title
from benchmark.reporting.figures.style import Mark, caption, marks

SHOWN = 15  # configurations
LINE = 0.18  # inches of a configuration


def leaderboard_figure(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Every headline score of every configuration: a dot per seed, the mean with its t interval, references in grey."""
    board = board[board["mean"].notna()]
    if board.empty:
        return None
    names = {str(group): _order(of) for group, of in board.groupby("group")}
    # a score that only configurations of lower rank have gets no facet
    shown = {group: board[(board["group"] == group) & board["label"].isin(of)] for group, of in names.items()}
    facets = {
        group: [(row, _measured(row, of, names[group])) for row in facet_rows(columns(of))]
        for group, of in shown.items()
    }
    hidden = max(board[board["group"] == group]["label"].nunique() - len(of) for group, of in names.items())
    note = f"; {hidden} configurations of lower rank are not shown" if hidden else ""
    titles = group_titles(board["group"].unique())
    blocks = [
        Block([facet_room(row, LINE * len(of) + 0.1) for row, of in rows], titles[group])
        for group, rows in facets.items()
    ]
    left = 0.25 + max(width_of(map(caption, of), LABEL) for of in names.values())
    head = f"A dot per seed; bar: mean with its 95 % t interval; references in grey{note}"
    figure, places = lay_out(blocks, head, Sides(left, 0.2))
    by_label = marks(board)
    for axes, (group, rows) in zip(places, facets.items(), strict=True):
        dots, means = (frame[frame["group"] == group] for frame in (table, board))
        for beside, (row, of) in zip(axes, rows, strict=True):
            for ax, column in zip(beside, row, strict=True):
                _draw_scores(ax, column.of(dots), column.of(means), of, by_label)
                ax.set(title=facet_title(column), xlabel=column.shown_unit, yticks=[])
            beside[0].set_yticks(range(0, -len(of), -1), map(caption, of))
    return figure


def _measured(row: Sequence[Column], board: pd.DataFrame, names: list[str]) -> list[str]:
    """The configurations that have a number in one of these facets: a reference without a density leaves no gap."""
    present = {label for column in row for label in column.of(board)["label"]}
    return [name for name in names if name in present]


def _order(board: pd.DataFrame) -> list[str]:
    """Labels by rank, references last; the best ones if there are too many."""
    rows = board.drop_duplicates("label").sort_values(["reference", "rank", "label"])
    trained, references = (rows.loc[rows["reference"] == flag, "label"].tolist() for flag in (False, True))
    return [*trained[:SHOWN], *references]


def _draw_scores(
    ax: Axes, rows: pd.DataFrame, means: pd.DataFrame, names: list[str], by_label: dict[str, Mark]
) -> None:
    place = {name: -i for i, name in enumerate(names)}
    rows, means = (frame[frame["label"].isin(names)] for frame in (rows, means))
    low, high = _limits(rows, means)
    seen = means[means["mean"].between(low, high)]
    inside = rows[rows["value"].between(low, high) & rows["label"].isin(seen["label"])]
    colours = [by_label[name].colour for name in inside["label"]]
    ax.scatter(inside["value"], inside["label"].map(place) - 0.22, s=9, color=colours, linewidths=0, zorder=3)
    _draw_means(ax, seen, place, by_label)
    outside = means.drop(seen.index)
    for name, mean in zip(outside["label"], outside["mean"], strict=True):
        at, side, words = (high, "right", f"{mean:.4g} ▸") if mean > high else (low, "left", f"◂ {mean:.4g}")
        ax.text(at, place[name], words, ha=side, va="center", fontsize=6.5, color="0.4")
    ax.set(xlim=(low, high), ylim=(-len(names) + 0.4, 0.6))
    ax.grid(False, axis="y")
    ax.hlines(list(place.values()), low, high, colors="0.93", linewidth=0.8, zorder=0)
    ax.xaxis.set_major_locator(MaxNLocator(4, prune="both"))
    ax.ticklabel_format(axis="x", useOffset=False)  # an offset in a corner of a narrow panel is not seen


def _limits(rows: pd.DataFrame, means: pd.DataFrame) -> tuple[float, float]:
    """The trained runs fill the facet; intervals and references widen it to at most three times their span."""
    trained = rows.loc[~rows["reference"], "value"] if not rows["reference"].all() else rows["value"]
    everything = pd.concat([rows["value"], means["low"], means["high"]]).dropna()
    span = max(float(np.ptp(trained)), 0.02 * float(trained.abs().max()), 1e-3)
    low = max(float(everything.min()), float(trained.min()) - span)
    high = min(float(everything.max()), float(trained.max()) + span)
    return low - 0.08 * span, high + 0.08 * span


def _draw_means(ax: Axes, means: pd.DataFrame, place: dict[str, int], by_label: dict[str, Mark]) -> None:
    colours, y = [by_label[name].colour for name in means["label"]], means["label"].map(place)
    ax.hlines(y, means["low"], means["high"], colors=colours, linewidth=1.4, zorder=2)
    ax.scatter(means["mean"], y, s=34, color=colours, marker="|", linewidths=2, zorder=4)
