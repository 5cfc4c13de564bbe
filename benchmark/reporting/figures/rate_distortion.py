"""Rate against distortion: what a code costs against what the decoder misses, both in nats per example."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from benchmark.reporting.columns import is_pseudo
from benchmark.reporting.figures.panels import group_panels
from benchmark.reporting.figures.style import Mark, marks

SIZE = (4.4, 3.6)  # inches of a panel
HEAD = "What the code costs (rate) against what the decoder misses (distortion)"
SMALL = 6.5  # points, of the labels on lines of equal ELBO
CLEARANCE = 0.1  # inches around the middle of a dot
CAPTION = (0.0, 0.0, 2.3, 0.45)  # inches: the corner that the words about the shaded region may fill
Box = tuple[float, float, float, float]  # left, bottom, right, top in inches from the corner of a panel


def rate_distortion_figure(table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """A panel per comparison group: a dot per seed, a larger one for the mean, lines of equal ELBO."""
    groups = {str(group): found for group, rows in table.groupby("group") if len(found := _coordinates(rows))}
    if not groups:
        return None
    by_label = marks(board)
    drawn = {name for rows in groups.values() for name in rows["label"]}
    figure, axes = group_panels([*groups], board, by_label, drawn, HEAD, SIZE)
    for ax, (group, found) in zip(axes, groups.items(), strict=True):
        best = _best_bound(table[table["group"] == group])
        _draw(ax, found, best, by_label, "pseudo-nats" if is_pseudo(group) else "nats")
    return figure


def _coordinates(rows: pd.DataFrame) -> pd.DataFrame:
    """Trained runs with both coordinates: columns label, rate, distortion."""
    both = rows[rows["metric"].isin(["rate", "distortion"]) & ~rows["reference"]]
    wide = both.pivot_table(index=["label", "run"], columns="metric", values="value").reset_index()
    return wide.dropna() if {"rate", "distortion"} <= set(wide.columns) else wide.iloc[:0]


def _best_bound(rows: pd.DataFrame) -> float:
    """The largest importance-weighted bound of any trained run, nats; NaN if none was measured."""
    return float(rows.loc[rows["metric"].str.fullmatch(r"iwae_\d+") & ~rows["reference"], "value"].max())


def _draw(ax: Axes, runs: pd.DataFrame, best: float, by_label: dict[str, Mark], unit: str) -> None:
    means = runs.groupby("label", as_index=False)[["rate", "distortion"]].mean()
    _scatter(ax, means, by_label, s=130, alpha=0.4, linewidth=0, zorder=3)
    _scatter(ax, runs, by_label, s=14, linewidth=0.4, edgecolor="white", zorder=4)
    _frame(ax, runs, best)
    _draw_best(ax, best, unit)
    _draw_elbo_lines(ax, pd.concat([runs, means])[["rate", "distortion"]].to_numpy(dtype=float), best)
    ax.set(xlabel="rate (nats)", ylabel=f"distortion ({unit})")
    ax.grid(False)


def _scatter(ax: Axes, dots: pd.DataFrame, by_label: dict[str, Mark], **style: Any) -> None:
    palette = {name: by_label[name].colour for name in dots["label"]}
    markers = {name: by_label[name].marker for name in dots["label"]}
    seaborn.scatterplot(
        dots, x="rate", y="distortion", hue="label", style="label", palette=palette, markers=markers, legend=False,
        ax=ax, **style,
    )  # fmt: skip


def _frame(ax: Axes, runs: pd.DataFrame, best: float) -> None:
    """Limits from the trained runs alone, with room below them for the line of the best bound."""
    x, y = runs["rate"], runs["distortion"]
    pad_x, pad_y = (max(float(np.ptp(v)), 0.02 * float(np.abs(v).max()), 0.5) * 0.12 for v in (x, y))
    nearest = -best - float(x.iloc[int(np.argmin(x + y))]) if math.isfinite(best) else math.inf
    ax.set_xlim(x.min() - pad_x, x.max() + pad_x)
    ax.set_ylim(min(y.min(), nearest) - pad_y, y.max() + pad_y)


def _draw_best(ax: Axes, best: float, unit: str) -> None:
    if not math.isfinite(best):
        return
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = np.array([left, right])
    ax.plot(x, -best - x, color="0.25", linewidth=1.2, linestyle="--", zorder=2)
    ax.fill_between(x, -best - x, low, color="0.5", alpha=0.12, linewidth=0, zorder=0)
    ax.set(xlim=(left, right), ylim=(low, high))
    bound = "log p(x) bound" if unit == "nats" else "bound"
    words = f"below the best model found\n({bound} {best:.1f} {unit})"
    ax.text(0.02, 0.02, words, transform=ax.transAxes, fontsize=7, color="0.25", va="bottom", zorder=5)


def _draw_elbo_lines(ax: Axes, dots: NDArray[np.float64], best: float) -> None:
    """Lines of equal ELBO, each named where its name covers no dot; `dots` are rows of rate and distortion."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    taken = _taken(ax, dots, best)
    for total in (float(total) for total in MaxNLocator(9).tick_values(left + low, right + high)):
        if total < -best:
            continue
        ax.plot([left, right], [total - left, total - right], color="0.8", linewidth=0.7, zorder=1)
        words = f"ELBO {-total:g}"
        if (box := _free_box(ax, total, best, 0.6 * SMALL / 72 * len(words), taken)) is not None:
            _write(ax, words, box)
            taken.append(box)


def _write(ax: Axes, words: str, box: Box) -> None:
    """Words in the middle of a box, on a white ground that interrupts the line behind them."""
    wide, high = _inches(ax)
    at = ((box[0] + box[2]) / 2 / wide, (box[1] + box[3]) / 2 / high)
    style: dict[str, Any] = {"color": "0.45", "fontsize": SMALL, "ha": "center", "va": "center", "zorder": 2}
    ax.text(*at, words, transform=ax.transAxes, bbox={"facecolor": "white", "pad": 1, "linewidth": 0}, **style)


def _inches(ax: Axes) -> tuple[float, float]:
    return ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi


def _taken(ax: Axes, dots: NDArray[np.float64], best: float) -> list[Box]:
    """What no label may cover: the dots, and the words about the shaded region."""
    places = ax.transAxes.inverted().transform(ax.transData.transform(dots)) * _inches(ax)
    around = np.hstack([places - CLEARANCE, places + CLEARANCE])
    return [*(tuple(box) for box in around.tolist()), *([CAPTION] if math.isfinite(best) else [])]


def _free_box(ax: Axes, total: float, best: float, width: float, taken: list[Box]) -> Box | None:
    """The rightmost place on the line rate + distortion = total for a label, or None if something is always there."""
    (wide, high), height = _inches(ax), 2 * SMALL / 72
    per_x, per_y = np.diff(ax.get_xlim())[0] / wide, np.diff(ax.get_ylim())[0] / high  # nats per inch
    if total - width / 2 * per_x - height / 2 * per_y < -best:  # it would cover the line of the best bound
        return None
    left = np.linspace(wide - width - 0.05, 0.05, 80)
    x = ax.get_xlim()[0] + (left + width / 2) * per_x
    bottom = (total - x - ax.get_ylim()[0]) / per_y - height / 2
    boxes = np.stack([left, bottom, left + width, bottom + height], axis=1)[
        (bottom > 0.03) & (bottom + height < high - 0.03)
    ]
    others = np.array(taken)
    apart = (boxes[:, None, :2] > others[:, 2:]) | (boxes[:, None, 2:] < others[:, :2])
    free = boxes[apart.any(axis=2).all(axis=1)]
    return tuple(free[0].tolist()) if len(free) else None
