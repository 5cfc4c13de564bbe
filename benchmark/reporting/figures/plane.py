"""The rate-distortion plane by families: how hard the rate is pressed, and what the codes are good for; nats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmark.drawing.layout import LABEL, Block, Row, Sides, lay_out
from benchmark.reporting.figures.style import MARKERS, caption
from metrics.declared import title_of

WIDE, HIGH, BAR = 3.9, 3.5, 0.1  # inches of a panel, and of the bar of its colours
HEAD = "Where models are on the rate-distortion plane: how hard the rate is pressed, and what the codes are good for"
TARGETED, OTHER = "#c0392b", "0.55"  # runs with a target have no beta, and so have those of other objectives
PRESSURE = "beta"
SHOWN = (
    ("linear_probe_nats", "nats that a linear probe learns from one draw of the code"),
    ("mig_hist", "MIG of mean codes"),
    ("dci_lightgbm_disentanglement", "DCI disentanglement of mean codes"),
)
MOST = 2  # of these, beside the pressure


class Arrow(NamedTuple):
    """From a model's own posterior to its resampled one."""

    rate: float
    distortion: float
    to_rate: float
    to_distortion: float


class Plane(NamedTuple):
    """One comparison group: a row per run, the vertices of each family's frontier, and what lies below."""

    title: str
    dots: pd.DataFrame  # label, family, beta, target, rate, distortion, and scores that colour it
    frontier: pd.DataFrame  # family, rate, distortion
    floor: float  # of rate + distortion
    known: bool  # whether that is the entropy of the data; else it is the best model's
    optimum: np.ndarray | None  # (n, 2) rates and distortions of the best codes for a given decoder
    arrows: Sequence[Arrow]

    @property
    def coloured_by(self) -> list[str]:
        """What colours its panels: the pressure first."""
        there = [name for name, _ in SHOWN if name in self.dots and self.dots[name].notna().any()]
        return [PRESSURE, *there[:MOST]]

    @property
    def families(self) -> list[str]:
        """In the order of their markers."""
        return sorted(self.dots["family"].unique())


def plane_figure(planes: Sequence[Plane]) -> Figure | None:
    """A row of panels per comparison group; None where there is but one configuration in each."""
    shown = [plane for plane in planes if plane.dots["label"].nunique() > 1]
    if not shown:
        return None
    families = sorted({family for plane in shown for family in plane.families})
    markers = {family: MARKERS[i % len(MARKERS)] for i, family in enumerate(families)}
    blocks = [Block([Row(len(plane.coloured_by), WIDE, HIGH, above=0.55, below=0.5)], plane.title) for plane in shown]
    figure, places = lay_out(blocks, HEAD, Sides(0.7, 1.35, 0.8), _legend(shown, markers))
    for plane, [axes] in zip(shown, places, strict=True):
        for ax, name in zip(axes, plane.coloured_by, strict=True):
            _draw(figure, ax, plane, name, markers)
    return figure


def _legend(planes: Sequence[Plane], markers: Mapping[str, str]) -> list[Line2D]:
    lines = [Line2D([], [], color="0.35", marker=mark, linestyle="", label=caption(family))
             for family, mark in markers.items()]  # fmt: skip
    lines.append(Line2D([], [], color="0.45", linewidth=1, label="frontier of a family, chosen on validation"))
    if any(plane.dots["target"].notna().any() for plane in planes):
        lines.append(Line2D([], [], color=TARGETED, marker="o", linestyle="", label="a target for the rate"))
    if any((plane.dots["beta"].isna() & plane.dots["target"].isna()).any() for plane in planes):
        lines.append(Line2D([], [], color=OTHER, marker="o", linestyle="", label="an objective of another kind"))
    if any(plane.optimum is not None for plane in planes):
        lines.append(Line2D([], [], color="black", linewidth=1.6, label="best codes for the given decoder (exact)"))
    if any(plane.arrows for plane in planes):
        lines.append(Line2D([], [], color="0.2", marker=r"$\rightarrow$", linestyle="", markersize=12,
                            label="from q to its resampled q_EW"))  # fmt: skip
    return lines


def _draw(figure: Figure, ax: Axes, plane: Plane, name: str, markers: Mapping[str, str]) -> None:
    _limits(ax, plane)
    _below(ax, plane)
    _equal_elbo(ax, plane)
    for _, of in plane.frontier.groupby("family"):
        ax.plot(of["rate"], of["distortion"], color="0.45", linewidth=0.9, zorder=2)
    if plane.optimum is not None:
        ax.plot(*plane.optimum.T, color="black", linewidth=1.6, zorder=2)
    values = plane.dots[name].astype(float)
    norm, seen = _norm(values, name), plane.dots.assign(value=values)
    for family, of in seen.groupby("family"):
        _scatter(ax, of, norm, markers[str(family)])
    for arrow in plane.arrows:
        start, end = (arrow.rate, arrow.distortion), (arrow.to_rate, arrow.to_distortion)
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "0.2", "linewidth": 0.9}, zorder=5)
    if norm is not None:
        _bar(figure, ax, norm, sorted(values.dropna().unique()) if name == PRESSURE else ())
    said = dict(SHOWN).get(name, "beta, the weight of the rate")
    ax.set(xlabel="rate R (nats)", ylabel="distortion D (nats)")
    ax.set_title(f"colour: {said if len(said) < 50 else title_of(name)}", fontsize=9, pad=14)
    ax.grid(False)


def _scatter(ax: Axes, dots: pd.DataFrame, norm: Normalize | None, marker: str) -> None:
    style: dict[str, Any] = {"marker": marker, "s": 26, "linewidth": 0.4, "edgecolor": "white", "zorder": 4}
    known = dots["value"].notna()
    if norm is not None and known.any():
        ax.scatter(dots.loc[known, "rate"], dots.loc[known, "distortion"], c=dots.loc[known, "value"], norm=norm,
                   cmap="viridis", **style)  # fmt: skip
    for targeted, colour in ((True, TARGETED), (False, OTHER)):
        of = dots[~known & (dots["target"].notna() == targeted)]
        ax.scatter(of["rate"], of["distortion"], color=colour, **style)


def _norm(values: pd.Series, name: str) -> Normalize | None:
    known = values[values.notna() & ((values > 0) | (name != PRESSURE))]
    if known.empty:
        return None
    low, high = float(known.min()), float(known.max())
    if name == PRESSURE:
        return LogNorm(low / 1.01, high * 1.01)
    return Normalize(low, high if high > low else low + 1e-9)


def _bar(figure: Figure, ax: Axes, norm: Normalize, values: Sequence[float]) -> None:
    """The bar of colours beside a panel; with `values`, its ticks are some of those."""
    box, width = ax.get_position(), figure.get_size_inches()[0]
    place = figure.add_axes((box.x1 + 0.06 / width, box.y0, BAR / width, box.height))
    bar = figure.colorbar(ScalarMappable(norm, "viridis"), cax=place)
    if values:
        few = [values[i] for i in sorted({round(i) for i in np.linspace(0, len(values) - 1, 6)})]
        bar.ax.yaxis.set_minor_locator(NullLocator())
        bar.ax.yaxis.set_major_locator(FixedLocator(few))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    bar.ax.tick_params(labelsize=LABEL - 1)


def _limits(ax: Axes, plane: Plane) -> None:
    """All runs, and both limits where the plane is small enough to show them: R = 0 and D = 0 at the entropy."""
    x, y = plane.dots["rate"].to_numpy(dtype=float), plane.dots["distortion"].to_numpy(dtype=float)
    ends = plane.known and max(np.ptp(x), np.ptp(y)) > 0.25 * plane.floor
    left, right = (0.0, plane.floor) if ends else (min(x.min(), 0.0 if x.min() < 0.3 * x.max() else x.min()), x.max())
    low, high = (0.0, plane.floor) if ends else (min(y.min(), plane.floor - x[np.argmin(x + y)]), y.max())
    left, right, low, high = min(left, x.min()), max(right, x.max()), min(low, y.min()), max(high, y.max())
    pad_x, pad_y = 0.06 * max(right - left, 0.1), 0.06 * max(high - low, 0.1)
    ax.set_xlim(left - pad_x, right + pad_x)
    ax.set_ylim(low - pad_y, high + pad_y)


def _below(ax: Axes, plane: Plane) -> None:
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x = np.array([left, right])
    ax.plot(x, plane.floor - x, color="0.25", linewidth=1.2, linestyle="-" if plane.known else "--", zorder=1)
    ax.fill_between(x, plane.floor - x, low, color="0.5", alpha=0.22 if plane.known else 0.12, linewidth=0, zorder=0)
    ax.set(xlim=(left, right), ylim=(low, high))
    bound = f"R + D < H = {plane.floor:.2f}" if plane.known else f"R + D < {plane.floor:.1f}"
    words = f"infeasible: {bound}" if plane.known else f"below the best model found: {bound}"
    ax.text(0.02, 0.02, words, transform=ax.transAxes, fontsize=7, color="0.25", va="bottom", zorder=5)
    style: dict[str, Any] = {"fontsize": 6.5, "color": "0.35", "zorder": 5}
    if left < 0 < right:
        ax.axvline(0, color="0.6", linewidth=0.8, linestyle=":", zorder=1)
        ax.text(0.01 * (right - left), high - 0.02 * (high - low), "auto-decoding limit, R = 0", va="top", **style)
    if low < 0 < high:
        ax.axhline(0, color="0.6", linewidth=0.8, linestyle=":", zorder=1)
        ax.text(right - 0.01 * (right - left), 0.01 * (high - low), "auto-encoding limit, D = 0", ha="right", **style)


def _equal_elbo(ax: Axes, plane: Plane) -> None:
    """A few lines of equal ELBO above the floor, named at the upper edge of the panel."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for total in _totals(plane.floor, right + high):
        ax.plot([left, right], [total - left, total - right], color="0.85", linewidth=0.7, zorder=0.5)
        if left < total - high < right - 0.12 * (right - left):
            ax.annotate(f"ELBO {-total:g}", (total - high, high), xytext=(2, 1), textcoords="offset points",
                        fontsize=6, color="0.5", annotation_clip=False)  # fmt: skip
    ax.set(xlim=(left, right), ylim=(low, high))


def _totals(floor: float, most: float) -> Iterator[float]:
    step = 10 ** math.floor(math.log10(max(most - floor, 1e-9) / 3))
    step *= next(factor for factor in (1, 2, 5, 10) if (most - floor) / (step * factor) <= 6)
    total = math.ceil(floor / step) * step
    while total < most:
        yield round(total, 10)
        total += step
