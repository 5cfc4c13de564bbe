"""Cost against work: one panel for each unit of work, a line for everything that was done in several amounts."""

from __future__ import annotations

import math
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes


def draw(found: pd.DataFrame, path: Path) -> None:
    """Seconds against work on logarithmic axes, the limit dashed: a cost that is proportional has slope one."""
    several = found.groupby(["suite", "name"]).filter(lambda group: group["work"].nunique() > 1)
    units = sorted(several["unit"].unique())
    if not units:
        return
    columns = min(3, len(units))
    shape = (math.ceil(len(units) / columns), columns)
    figure, axes = plt.subplots(*shape, figsize=(5.2 * shape[1], 4 * shape[0]), squeeze=False, layout="constrained")
    for axis, unit in zip(axes.flat, units, strict=False):
        _panel(axis, several[several["unit"] == unit], unit)
    for axis in axes.flat[len(units) :]:
        axis.set_axis_off()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axis: Axes, found: pd.DataFrame, unit: str) -> None:
    for name, rows in found.groupby("name", sort=False):
        rows = rows.sort_values("work")
        [line] = axis.plot(rows["work"], rows["seconds"], "o-", markersize=4, label=name)
        if rows["limit_seconds"].notna().any():
            label = f"limit: {rows['limit'].iloc[0]}"
            axis.plot(rows["work"], rows["limit_seconds"], "--", color=line.get_color(), linewidth=1, label=label)
    axis.set(xscale="log", yscale="log", xlabel=unit, ylabel="seconds")
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize=7, frameon=False)
