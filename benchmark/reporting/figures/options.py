"""Figures of many small facets, a titled strip per comparison group: scores against beta, and the leaderboard."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from benchmark.reporting.columns import Column, columns, group_titles
from benchmark.reporting.figures.style import ENTRIES, Look, caption, entries, head, look_at, looks
from benchmark.reporting.tables import labels

FACET, BETWEEN, ACROSS = 2.5, 0.95, 4  # inches wide, inches for title and axis below, facets in a row
SHOWN = 15  # configurations of a leaderboard figure
FEWEST = 3  # values of an option that are worth a curve


Row = tuple[int, float]  # its number of facets and their height, inches


def _strips(
    sizes: dict[str, list[Row]], titles: dict[str, str], left: float, gap: float, below: float = 0.0
) -> tuple[Figure, dict[str, list[Axes]]]:
    """A figure with a titled strip of rows of facets per group.

    The places are computed, for an automatic layout measures every label of hundreds of axes; `below` stays free.
    """
    widest = max(count for rows in sizes.values() for count, _ in rows)
    width = max(left + widest * (FACET + gap), 7.5)
    height = 0.2 + sum(0.4 + sum(facet + BETWEEN for _, facet in rows) for rows in sizes.values()) + below
    figure, top, strips = Figure(figsize=(width, height)), height - 0.5, dict[str, list[Axes]]()
    for group, rows in sizes.items():
        figure.text(left / width, top / height, titles[group], fontsize=11, fontweight="bold", va="top")
        strips[group], top = [], top - 0.1
        for count, facet in rows:
            top -= facet + BETWEEN
            places = [((left + i * (FACET + gap)) / width, (top + 0.45) / height) for i in range(count)]
            strips[group] += [figure.add_axes((x, y, FACET / width, facet / height)) for x, y in places]
        top -= 0.3
    return figure, strips


def _in_rows(found: list[Column]) -> list[list[Column]]:
    return [found[i : i + ACROSS] for i in range(0, len(found), ACROSS)]


def beta(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Every headline score against beta; the ELBO is beta = 1. None unless a group has a score at three values of beta.

    A score that runs of one beta alone have, such as one that a later sweep measured, gets no facet.
    """
    rows = table[table["beta"].notna() & table["value"].notna() & ~table["reference"]]
    facets = {str(group): _against_beta(of, board[board["group"] == group]) for group, of in rows.groupby("group")}
    facets = {group: found for group, found in facets.items() if found}
    if not facets:
        return None
    lines = _lines(rows[rows["group"].isin(facets)])
    styles = {name: look_at(i) for i, name in enumerate(sorted(lines["line"].unique()))}
    several = len(styles) > 1
    sizes = {group: [(len(row), 1.7) for row in _in_rows(found)] for group, found in facets.items()}
    below = 0.1 + 0.2 * math.ceil(min(len(styles), ENTRIES + 1) / ACROSS) if several else 0.0
    figure, strips = _strips(sizes, group_titles(board["group"].unique()), 0.75, 0.75, below)
    for group, axes in strips.items():
        of = lines[lines["group"] == group]
        for ax, column in zip(axes, facets[group], strict=True):
            _draw_beta(ax, column, column.of(of), styles)
    if several:
        figure.legend(handles=entries(styles), loc="lower center", ncols=ACROSS, frameon=False)
    which = "" if several else f" ({caption(next(iter(styles)))})"
    head(figure, f"What beta does{which}: a dot per seed, a line through the means (the ELBO is beta = 1)")
    return figure


def _against_beta(rows: pd.DataFrame, board: pd.DataFrame) -> list[Column]:
    """The columns of the runs with a beta that have FEWEST values of it: two make a line whatever the truth is."""
    found = columns(board[board["label"].isin(rows["label"])])
    return [column for column in found if column.of(rows)["beta"].nunique() >= FEWEST]


def _lines(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the name of their line; every objective with a beta passes through the ELBO's points."""
    rest = rows["varied"].str.replace(r"(^|, )(objective\.)?beta=[^,]*", "", regex=True).str.removeprefix(", ")
    rows = rows.assign(varied=rest)
    elbo = rows["objective"] == "elbo"
    families = rows.loc[~elbo, "objective"].unique() if not elbo.all() else ["elbo"]
    rows = pd.concat([rows[~elbo], *(rows[elbo].assign(objective=family) for family in families)])
    return rows.assign(line=labels(rows))


def _draw_beta(ax: Axes, column: Column, rows: pd.DataFrame, styles: dict[str, Look]) -> None:
    for name, of in rows.groupby("line"):
        look, means = styles[str(name)], of.groupby("beta")["value"].mean()
        ax.plot(means.index, means, color=look.colour, linewidth=1.4)
        ax.plot(of["beta"], of["value"], look.marker, color=look.colour, markersize=3.5, alpha=0.7, markeredgewidth=0)
    ax.set_xscale("symlog" if (rows["beta"] <= 0).any() else "log")
    ticks = sorted(rows["beta"].unique())
    ax.xaxis.set_major_locator(FixedLocator(ticks[:: math.ceil(len(ticks) / 6)]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.set(title=_title(column), xlabel="beta", ylabel=column.shown_unit)


def _title(column: Column) -> str:
    return f"{column.title}\n{column.detail}" if column.detail else column.title


def leaderboard(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Every headline score of every configuration: a dot per seed, the mean with its t interval, references in grey."""
    board = board[board["mean"].notna()]
    if board.empty:
        return None
    names = {str(group): _order(of) for group, of in board.groupby("group")}
    # a score that only configurations of lower rank have gets no facet
    shown = {group: board[(board["group"] == group) & board["label"].isin(of)] for group, of in names.items()}
    rows = {
        group: [(row, _measured(row, of, names[group])) for row in _in_rows(columns(of))] for group, of in shown.items()
    }
    sizes = {group: [(len(row), 0.18 * len(of) + 0.1) for row, of in found] for group, found in rows.items()}
    left = 0.3 + 0.068 * max(len(caption(name)) for of in names.values() for name in of)
    figure, strips = _strips(sizes, group_titles(board["group"].unique()), left, 0.2)
    styles = looks(board)
    for group, axes in strips.items():
        dots, means = (frame[frame["group"] == group] for frame in (table, board))
        places = iter(axes)
        for row, of in rows[group]:
            for i, (column, ax) in enumerate(zip(row, places, strict=False)):
                _draw_scores(ax, column.of(dots), column.of(means), of, styles)
                ax.set(title=_title(column), xlabel=column.shown_unit)
                beside = of if i == 0 else []
                ax.set_yticks(range(0, -len(beside), -1), map(caption, beside))
    hidden = max(board[board["group"] == group]["label"].nunique() - len(of) for group, of in names.items())
    note = f"; {hidden} configurations of lower rank are not shown" if hidden else ""
    head(figure, f"A dot per seed; bar: mean with its 95 % t interval; references in grey{note}")
    return figure


def _measured(row: list[Column], board: pd.DataFrame, names: list[str]) -> list[str]:
    """The configurations that have a number in one of these facets: a reference without a density leaves no gap."""
    present = {label for column in row for label in column.of(board)["label"]}
    return [name for name in names if name in present]


def _order(board: pd.DataFrame) -> list[str]:
    """Labels by rank, references last; the best ones if there are too many."""
    rows = board.drop_duplicates("label").sort_values(["reference", "rank", "label"])
    trained, references = (rows.loc[rows["reference"] == flag, "label"].tolist() for flag in (False, True))
    return [*trained[:SHOWN], *references]


def _draw_scores(ax: Axes, rows: pd.DataFrame, means: pd.DataFrame, names: list[str], styles: dict[str, Look]) -> None:
    place = {name: -i for i, name in enumerate(names)}
    rows, means = (frame[frame["label"].isin(names)] for frame in (rows, means))
    low, high = _limits(rows, means)
    seen = means[means["mean"].between(low, high)]
    inside = rows[rows["value"].between(low, high) & rows["label"].isin(seen["label"])]
    colours = [styles[name].colour for name in inside["label"]]
    ax.scatter(inside["value"], inside["label"].map(place) - 0.22, s=9, color=colours, linewidths=0, zorder=3)
    _draw_means(ax, seen, place, styles)
    outside = means.drop(seen.index)
    for name, mean in zip(outside["label"], outside["mean"], strict=True):
        at, side, words = (high, "right", f"{mean:.4g} ▸") if mean > high else (low, "left", f"◂ {mean:.4g}")
        ax.text(at, place[name], words, ha=side, va="center", fontsize=6.5, color="0.4")
    ax.set(xlim=(low, high), ylim=(-len(names) + 0.4, 0.6))
    ax.grid(False, axis="y")
    ax.hlines(list(place.values()), low, high, colors="0.93", linewidth=0.8, zorder=0)
    ax.xaxis.set_major_locator(MaxNLocator(4, prune="both"))


def _limits(rows: pd.DataFrame, means: pd.DataFrame) -> tuple[float, float]:
    """The trained runs fill the facet; intervals and references widen it to at most three times their span."""
    trained = rows.loc[~rows["reference"], "value"] if not rows["reference"].all() else rows["value"]
    everything = pd.concat([rows["value"], means["low"], means["high"]]).dropna()
    span = max(float(np.ptp(trained)), 0.02 * float(trained.abs().max()), 1e-3)
    low = max(float(everything.min()), float(trained.min()) - span)
    high = min(float(everything.max()), float(trained.max()) + span)
    return low - 0.08 * span, high + 0.08 * span


def _draw_means(ax: Axes, means: pd.DataFrame, place: dict[str, int], styles: dict[str, Look]) -> None:
    colours, y = [styles[name].colour for name in means["label"]], means["label"].map(place)
    ax.hlines(y, means["low"], means["high"], colors=colours, linewidth=1.4, zorder=2)
    ax.scatter(means["mean"], y, s=34, color=colours, marker="|", linewidths=2, zorder=4)
