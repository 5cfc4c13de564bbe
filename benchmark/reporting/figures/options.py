"""Scores against an option: a figure per option that varies, a facet per score, a line per configuration else alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from benchmark.drawing.layout import LABEL, Block, Sides, lay_out, width_of
from benchmark.reporting.columns import Column, columns, group_titles
from benchmark.reporting.figures.facets import facet_room, facet_rows, facet_title
from benchmark.reporting.figures.style import Mark, caption, entries, mark_at
from benchmark.reporting.names import OPTIONS
from benchmark.reporting.tables import labels, short_names, worded
from benchmark.store.record import GREATEST
from benchmark.store.selection import is_key

FEWEST = 3  # values of an option that are worth a curve: two make a line whatever the truth is
HIGH = 1.7  # inches of a facet
# option -> the objectives that it turns into the ELBO where it is 1
ELBO_AT_ONE = {"objective.beta": ".*", "objective.num_samples": "iwae"}
Draw = Callable[[], Figure | None]


class Swept(NamedTuple):
    """An option and the runs that it varies in."""

    option: str  # as words
    rows: pd.DataFrame  # a full table's, with the option as `x`, and the name of the `line` that they are on
    facets: dict[str, list[Column]]  # by group
    elbo: bool  # whether runs of the ELBO stand at 1


def option_figures(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> dict[str, Draw]:
    """Name of a file -> what draws it, for every numeric option that a line of runs has FEWEST values of.

    A line is runs that are alike in all other options; runs of the ELBO are on the lines that pass through it.
    Files of options in the folder that no longer apply draw nothing, and so does beta where it does not vary.
    """
    rows = table[table["value"].notna() & ~table["reference"]]
    keys = {key for options in rows["options"] for key, value in options.items() if _number(value) and is_key(key)}
    names = short_names(key for options in rows["options"] for key in options)
    found = {_file(names[key]): _swept(rows, board, key, names) for key in sorted(keys)}
    figures = {name: partial(_draw_option, swept, board) for name, swept in found.items() if swept.facets}
    gone = {"beta", *(path.stem for path in folder.glob("option_*.png"))} - set(figures)
    return {**figures, **dict.fromkeys(sorted(gone), _nothing)}


def _nothing() -> None:
    return None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= GREATEST


def _file(option: str) -> str:
    return "beta" if option == "beta" else "option_" + re.sub(r"\W+", "_", option)[:60]


def _swept(rows: pd.DataFrame, board: pd.DataFrame, key: str, names: Mapping[str, str]) -> Swept:
    there = rows["options"].map(lambda options: _number(options.get(key))).astype(bool)
    own = rows[there].assign(x=rows.loc[there, "options"].map(lambda options: float(options[key])))
    own = pd.concat([_with_rest(of, key) for _, of in own.groupby(["objective", "model"])])
    elbo = rows[(rows["objective"] == "elbo") & ~there]
    passing = [name for name in own["objective"].unique() if re.fullmatch(ELBO_AT_ONE.get(key, ""), name)]
    joined = [elbo.assign(x=1.0, objective=name, rest=elbo["options"], along="") for name in passing]
    every = pd.concat([own, *joined], ignore_index=True)
    lines = labels(every.assign(varied=[worded(rest, names) for rest in every["rest"]]))
    every = every.assign(
        line=lines + every["along"].map(lambda other: f" (changes {names[other]} too)" if other else "")
    )
    values = every.groupby(["group", "line"])["x"].transform("nunique")
    every = every[values > 1]
    facets = {str(group): _facets(of, board[board["group"] == group]) for group, of in every.groupby("group")}
    facets = {group: found for group, found in facets.items() if found}
    letter = OPTIONS.get(names[key])
    words = names[key].replace("_", " ") + (f" ({letter})" if letter else "")
    return Swept(words, every[every["group"].isin(facets)], facets, bool(passing) and not elbo.empty)


def _with_rest(rows: pd.DataFrame, key: str) -> pd.DataFrame:
    """Rows of one method with the `rest` of their options, less one that goes `along`: it rises or falls with `x`."""
    others = {other for options in rows["options"] for other, value in options.items() if _number(value)} - {key}
    along = next((other for other in sorted(others) if _goes_along(rows, other)), "")
    rest = [
        {other: value for other, value in options.items() if other not in (key, along)} for options in rows["options"]
    ]
    return rows.assign(rest=pd.Series(rest, index=rows.index, dtype=object), along=along)


def _goes_along(rows: pd.DataFrame, other: str) -> bool:
    values = [float(value) if _number(value := options.get(other)) else np.nan for options in rows["options"]]
    pairs = np.unique(np.column_stack([rows["x"], values]), axis=0)
    x, y = pairs.T
    return len(pairs) >= FEWEST and bool((np.diff(x) > 0).all()) and abs(np.sign(np.diff(y)).sum()) == len(pairs) - 1


def _facets(rows: pd.DataFrame, board: pd.DataFrame) -> list[Column]:
    """The columns in which a line has FEWEST values; a score that runs of one value alone have gets no facet."""
    found = columns(board[board["label"].isin(rows["label"])])
    return [column for column in found if column.of(rows).groupby("line")["x"].nunique().max() >= FEWEST]


def _draw_option(swept: Swept, board: pd.DataFrame) -> Figure:
    by_line = {name: mark_at(i) for i, name in enumerate(sorted(swept.rows["line"].unique()))}
    titles = group_titles(board["group"].unique())
    facets = {group: facet_rows(found) for group, found in swept.facets.items()}
    blocks = [Block([facet_room(row, HIGH) for row in rows], titles[group]) for group, rows in facets.items()]
    several = len(by_line) > 1
    which = "" if several else f" ({caption(next(iter(by_line)))})"
    elbo = f"; the ELBO is {swept.option} = 1" if swept.elbo else ""
    head = f"What {swept.option} does{which}: a dot per seed, a line through the means{elbo}"
    figure, places = lay_out(blocks, head, Sides(0.75), entries(by_line) if several else ())
    for axes, (group, rows) in zip(places, facets.items(), strict=True):
        of = swept.rows[swept.rows["group"] == group]
        drawn = (
            (ax, column) for beside, row in zip(axes, rows, strict=True) for ax, column in zip(beside, row, strict=True)
        )
        for ax, column in drawn:
            _draw_facet(ax, column.of(of), by_line)
            ax.set(title=facet_title(column), xlabel=swept.option, ylabel=column.shown_unit)
    return figure


def _draw_facet(ax: Axes, rows: pd.DataFrame, by_line: Mapping[str, Mark]) -> None:
    for name, of in rows.groupby("line"):
        mark, means = by_line[str(name)], of.groupby("x")["value"].mean()
        ax.plot(means.index, means, color=mark.colour, linewidth=1.4)
        ax.plot(of["x"], of["value"], mark.marker, color=mark.colour, markersize=3.5, alpha=0.7, markeredgewidth=0)
    values = np.unique(rows["x"].to_numpy(dtype=float))
    ax.set_xscale(**scale_of(values))
    ax.xaxis.set_major_locator(FixedLocator(_ticks(ax, values)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_locator(MaxNLocator(4))


def scale_of(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """How an axis shows these values: by their logarithm where they are more even so, or span more than a decade."""
    values = np.sort(np.asarray(values, dtype=float))
    sizes = np.abs(values[values != 0])
    wide = len(sizes) > 0 and sizes.max() > 10 * sizes.min()
    if values[0] <= 0:
        return {"value": "symlog", "linthresh": sizes.min()} if wide else {"value": "linear"}
    middle, ends = np.median(values), values[[0, -1]]
    even = abs(middle - np.sqrt(ends.prod())) < abs(middle - ends.mean())
    return {"value": "log" if wide or even else "linear"}


def _ticks(ax: Axes, values: np.ndarray) -> list[float]:
    """Those of the values whose numbers have room beside each other."""
    ax.get_xlim()  # its limits follow the data from here on
    places = ax.transData.transform(np.column_stack([values, np.zeros_like(values)]))[:, 0] / ax.figure.dpi
    room, kept = width_of((f"{value:g}" for value in values), LABEL) + 0.08, list[int]()
    for i, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= room:
            kept.append(i)
    return values[kept].tolist()
