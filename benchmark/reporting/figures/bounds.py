"""L_K against K: how far importance samples lift each configuration's bound on log p(x), nats, with t intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmark.reporting.columns import is_pseudo
from benchmark.reporting.figures.panels import group_panels
from benchmark.reporting.figures.style import Mark, marks
from metrics.core import AMORTISED

SIZE = (3.6, 2.8)  # inches of a panel
SHOWN = 10  # configurations of a panel, the best of them
HEAD = "L_K against K importance samples (95 % t interval over seeds)"
DASHES = ("-", "--", ":", "-.")  # the encoder's own readout, then others


def bounds_figure(bounds: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """A panel per comparison group, a line per trained configuration and readout; None where no run kept a curve."""
    found = bounds[~bounds["reference"]]
    groups = {str(group): rows for group, rows in found.groupby("group") if rows["samples"].nunique() > 1}
    if not groups:
        return None
    by_label = marks(board)
    readouts = sorted(found["readout"].unique(), key=lambda name: (name != AMORTISED, name))
    best = {group: _best(rows) for group, rows in groups.items()}
    drawn = {label for labels in best.values() for label in labels}
    lines = [f"{dash} {name}" for dash, name in zip(("solid", "dashed", "dotted"), readouts, strict=False)]
    head = HEAD if len(readouts) == 1 else f"{HEAD}\n{', '.join(lines)}"
    figure, axes = group_panels([*groups], board, by_label, drawn, head, SIZE)
    for ax, group in zip(axes, groups, strict=True):
        of = groups[group][groups[group]["label"].isin(best[group])]
        _draw(ax, of, readouts, by_label)
        ax.set_ylabel(f"L_K ({'pseudo-nats' if is_pseudo(group) else 'nats'})")
    return figure


def _best(rows: pd.DataFrame) -> list[str]:
    """The configurations whose bound is highest at their largest K."""
    last = rows.sort_values("samples").groupby("label")["mean"].last()
    return last.sort_values(ascending=False).index[:SHOWN].tolist()


def _draw(ax: Axes, rows: pd.DataFrame, readouts: list[str], by_label: dict[str, Mark]) -> None:
    for (label, readout), line in rows.groupby(["label", "readout"], sort=False):
        line, colour = line.sort_values("samples"), by_label[str(label)].colour
        dashes = DASHES[readouts.index(str(readout)) % len(DASHES)]
        ax.plot(line["samples"], line["mean"], dashes, color=colour, marker=by_label[str(label)].marker, markersize=3.5)
        ax.fill_between(line["samples"], line["low"], line["high"], color=colour, alpha=0.15, linewidth=0)
    ax.set_xscale("log")
    ticks = sorted(rows["samples"].unique())
    ax.set_xticks([tick for tick in ticks if str(tick)[0] == "1"] if len(ticks) > 6 else ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("K")
