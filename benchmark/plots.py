"""Tables to figures: the rate-distortion plane, scores against beta, the leaderboard; no axis has two groups."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from benchmark.record import write_atomically
from benchmark.tables import Column, columns, headline_rows, labels

DPI = 110
FACET, BETWEEN, ACROSS = 2.5, 0.95, 4  # inches wide, inches for title and axis below, facets in a row
SHOWN = 15  # configurations of a leaderboard figure
MARKERS = "osD^vP*X<>"
PALETTE = sns.color_palette("colorblind")
STYLE: dict[Any, Any] = {**sns.axes_style("whitegrid"), "grid.color": "0.92", "axes.titlesize": 10, "axes.labelsize": 9}
STYLE |= {"axes.titley": 1.0}  # a title whose place is given is not measured again for every facet
STYLE |= {"xtick.labelsize": 8, "ytick.labelsize": 8, "legend.fontsize": 8}


class Look(NamedTuple):
    """How a configuration is drawn: a hue and marker per objective, a shade per configuration."""

    colour: Any
    marker: str


def write_figures(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> list[str]:
    """Draw what there is to draw; returns the names of the PNG files, and removes those that no longer apply."""
    table, board = headline_rows(table), headline_rows(board)
    table = table[table["value"].notna()]
    draw: dict[str, Callable[[pd.DataFrame, pd.DataFrame], Figure | None]] = {
        "rate_distortion": rate_distortion, "beta": beta, "leaderboard": leaderboard}  # fmt: skip
    with mpl.rc_context(STYLE):
        return [name for name, function in draw.items() if _write(folder / f"{name}.png", function(table, board))]


def _write(path: Path, figure: Figure | None) -> bool:
    if figure is None:
        path.unlink(missing_ok=True)
        return False
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None}))
    return True


def looks(board: pd.DataFrame) -> dict[str, Look]:
    """A colour and marker for every label; references are grey."""
    found: dict[str, Look] = {}
    rows = board.drop_duplicates("label")
    trained = rows[~rows["reference"]]
    for i, (_, of) in enumerate(trained.groupby("objective", sort=True)):
        base, names = PALETTE[i % len(PALETTE)], sorted(of["label"], key=_by_number)
        shades = sns.blend_palette([sns.desaturate(_mix(base, 1.0, 0.5), 0.9), base, _mix(base, 0.0, 0.5)], len(names))
        colours = [base] if len(names) == 1 else shades
        found |= {name: Look(tuple(c), MARKERS[i % len(MARKERS)]) for name, c in zip(names, colours, strict=True)}
    return {**dict.fromkeys(rows.loc[rows["reference"], "label"], Look("0.55", "o")), **found}


def _mix(colour: Iterable[float], towards: float, share: float) -> tuple[float, ...]:
    return tuple((1 - share) * part + share * towards for part in colour)


def _by_number(label: str) -> tuple[list[float], str]:
    return [float(number) for number in re.findall(r"\d+\.?\d*(?:e-?\d+)?", label)], label


def rate_distortion(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """One plane per comparison group: a dot per seed, a larger one for the mean, lines of equal ELBO."""
    planes = [(group, plane) for group, rows in table.groupby("group") if len(plane := _plane(rows))]
    if not planes:
        return None
    across, styles = min(len(planes), 3), looks(board)
    down = math.ceil(len(planes) / across)
    names = sorted({name for _, plane in planes for name in plane["label"]}, key=list(styles).index)
    wide, high = 4.9 * across + 0.4, max(4.5 * down + 0.4, 0.19 * len(names) + 0.9)
    width = wide + 0.6 + 0.075 * max(map(len, names))
    figure = Figure(figsize=(width, high))
    figure.subplots_adjust(0.6 / width, 0.5 / high, wide / width, 1 - 0.75 / high, wspace=0.17, hspace=0.22)
    for place, (group, plane) in enumerate(planes, 1):
        ax = figure.add_subplot(down, across, place)
        _draw_plane(ax, str(group), plane, _best_bound(table[table["group"] == group]), styles)
    handles, corner = [_handle(name, styles[name]) for name in names], (wide / width, 1 - 0.65 / high)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=corner, frameon=False)
    _head(figure, "What the code costs (rate) against what the decoder misses (distortion)")
    return figure


def _handle(name: str, look: Look) -> Line2D:
    return Line2D([], [], color=look.colour, marker=look.marker, linestyle="", label=name)


def _plane(rows: pd.DataFrame) -> pd.DataFrame:
    """Trained runs with both coordinates: columns label, rate, distortion."""
    both = rows[rows["metric"].isin(["rate", "distortion"]) & ~rows["reference"]]
    wide = both.pivot_table(index=["label", "run"], columns="metric", values="value").reset_index()
    return wide.dropna() if {"rate", "distortion"} <= set(wide.columns) else wide.iloc[:0]


def _best_bound(rows: pd.DataFrame) -> float:
    """The largest importance-weighted bound of any trained run, nats; NaN if none was measured."""
    return float(rows.loc[rows["metric"].str.fullmatch(r"iwae_\d+") & ~rows["reference"], "value"].max())


def _draw_plane(ax: Axes, group: str, plane: pd.DataFrame, best: float, styles: dict[str, Look]) -> None:
    for name, dots in plane.groupby("label"):
        look = styles[str(name)]
        style = {"color": look.colour, "marker": look.marker}
        ax.scatter(dots["rate"].mean(), dots["distortion"].mean(), s=130, alpha=0.4, linewidths=0, zorder=3, **style)
        ax.scatter(dots["rate"], dots["distortion"], s=14, linewidths=0.4, edgecolors="white", zorder=4, **style)
    _frame(ax, plane, best)
    _draw_elbo_lines(ax, best)
    _draw_best(ax, best)
    ax.set(title=group, xlabel="rate (nats)", ylabel="distortion (nats)")
    ax.grid(False)


def _frame(ax: Axes, plane: pd.DataFrame, best: float) -> None:
    """Limits from the trained runs alone, with room below them for the line of the best bound."""
    x, y = plane["rate"], plane["distortion"]
    pad_x, pad_y = (max(float(np.ptp(v)), 0.02 * float(np.abs(v).max()), 0.5) * 0.12 for v in (x, y))
    nearest = -best - float(x.iloc[int(np.argmin(x + y))]) if math.isfinite(best) else math.inf
    ax.set_xlim(x.min() - pad_x, x.max() + pad_x)
    ax.set_ylim(min(y.min(), nearest) - pad_y, y.max() + pad_y)


def _draw_elbo_lines(ax: Axes, best: float) -> None:
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    totals: Any = MaxNLocator(9).tick_values(left + low, right + high)
    for total in (float(total) for total in totals if not total < -best):
        ax.plot([left, right], [total - left, total - right], color="0.8", linewidth=0.7, zorder=1)
        x = min(right, total - low) - 0.02 * (right - left)  # where the line leaves the plane, right or below
        if left + 0.08 * (right - left) < x and low < total - x < high:
            ax.text(x, total - x, f"ELBO {-total:g}", color="0.45", fontsize=6.5, ha="right", va="bottom", zorder=2)


def _draw_best(ax: Axes, best: float) -> None:
    if not math.isfinite(best):
        return
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = np.array([left, right])
    ax.plot(x, -best - x, color="0.25", linewidth=1.2, linestyle="--", zorder=2)
    ax.fill_between(x, -best - x, low, color="0.5", alpha=0.12, linewidth=0, zorder=0)
    ax.set(xlim=(left, right), ylim=(low, high))
    words = f"below the best model found\n(log p(x) bound {best:.1f} nats)"
    ax.text(0.02, 0.02, words, transform=ax.transAxes, fontsize=7, color="0.25", va="bottom", zorder=5)


def beta(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Every headline score against beta; the ELBO is beta = 1. None unless a group has two values of beta."""
    rows = table[table["beta"].notna() & ~table["reference"]]
    groups = [str(group) for group, of in rows.groupby("group") if of["beta"].nunique() > 1]
    if not groups:
        return None
    facets = {group: columns(board[(board["group"] == group) & ~board["reference"]]) for group in groups}
    lines = _lines(rows)
    names = sorted(lines["line"].unique())
    styles = {name: Look(PALETTE[i % 10], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    figure, strips = _strips({group: (len(found), 1.7) for group, found in facets.items()}, 0.75, 0.75)
    for group, axes in strips.items():
        of = lines[lines["group"] == group]
        for ax, column in zip(axes, facets[group], strict=False):
            _draw_beta(ax, column, column.of(of), styles)
    figure.legend(
        handles=[_handle(name, look) for name, look in styles.items()], loc="lower center", ncols=4, frameon=False
    )
    _head(figure, "What beta does: a dot per seed, a line through the means (the ELBO is beta = 1)")
    return figure


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


def _strips(sizes: dict[str, tuple[int, float]], left: float, gap: float) -> tuple[Figure, dict[str, list[Axes]]]:
    """A figure with a titled strip of facets per group; sizes are its number of facets and their height, inches.

    The places are computed, for an automatic layout measures every label of hundreds of axes.
    """
    widest = max(min(count, ACROSS) for count, _ in sizes.values())
    width = max(left + widest * (FACET + gap), 7.5)
    height = 1.0 + sum(0.4 + math.ceil(count / ACROSS) * (facet + BETWEEN) for count, facet in sizes.values())
    figure, top = Figure(figsize=(width, height)), height - 0.5
    strips: dict[str, list[Axes]] = {}
    for group, (count, facet) in sizes.items():
        figure.text(left / width, top / height, group, fontsize=11, fontweight="bold", va="top")
        top -= 0.1
        corners = [
            (left + i % ACROSS * (FACET + gap), top - (i // ACROSS + 1) * (facet + BETWEEN)) for i in range(count)
        ]
        strips[group] = [
            figure.add_axes((x / width, (y + 0.45) / height, FACET / width, facet / height)) for x, y in corners
        ]
        top = min(y for _, y in corners) - 0.3
    return figure, strips


def _head(figure: Figure, text: str) -> None:
    figure.suptitle(text, fontsize=12, y=1 - 0.15 / figure.get_figheight(), va="top")


def leaderboard(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Every headline score of every configuration: a dot per seed, the mean with its t interval, references in grey."""
    board = board[board["mean"].notna()]
    if board.empty:
        return None
    facets = {str(group): columns(of) for group, of in board.groupby("group")}
    names = {group: _order(board[board["group"] == group]) for group in facets}
    sizes = {group: (len(found), 0.18 * len(names[group]) + 0.1) for group, found in facets.items()}
    figure, strips = _strips(sizes, 0.3 + 0.068 * max(len(name) for of in names.values() for name in of), 0.2)
    styles = looks(board)
    for group, axes in strips.items():
        rows, means = (frame[frame["group"] == group] for frame in (table, board))
        for i, (ax, column) in enumerate(zip(axes, facets[group], strict=True)):
            _draw_scores(ax, column.of(rows), column.of(means), names[group], styles)
            ax.set(title=_title(column), xlabel=column.shown_unit)
            shown = names[group] if i % ACROSS == 0 else []
            ax.set_yticks(range(0, -len(shown), -1), shown)
    hidden = max(board[board["group"] == group]["label"].nunique() - len(names[group]) for group in facets)
    note = f"; {hidden} configurations of lower rank are not shown" if hidden else ""
    _head(figure, f"A dot per seed; bar: mean with its 95 % t interval; references in grey{note}")
    return figure


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
