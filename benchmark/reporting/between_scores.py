"""Rank correlations and shares of variance as figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from benchmark.reporting.correlations import Correlations
from benchmark.reporting.figures.style import PALETTE, head
from benchmark.reporting.variance import sizes_of
from metrics.declared import declared, title_of

MOST = 20  # scores of a figure
CELL, LABELS = 0.4, 2.5  # inches of a heat map's cell and beside it for labels
CAUSES = {"method": "method", "strength": "its hyper-parameter", "seed": "seed"}
COLOURS = (PALETTE[0], PALETTE[1], "0.8")


def shown(scores: Sequence[str]) -> list[str]:
    """The scores of a figure, kin beside kin, as they declare it; the first ones where none of them does."""
    places = {score: of.related if (of := declared(score.partition(" ")[0])) else 0 for score in scores}
    known = sorted(filter(places.__getitem__, _by_budget(scores)), key=places.__getitem__)
    return (known if len(known) > 1 else list(scores))[:MOST]


def _words(score: str) -> str:
    """A score with its number of labels, as columns call it."""
    metric, space, budget = score.partition(" ")
    return title_of(metric) + space + budget


def _by_budget(scores: Sequence[str]) -> list[str]:
    return sorted(scores, key=lambda score: [int(number) for number in re.findall(r"\((\d+) labels\)", score)])


def heat_maps(correlated: Sequence[Correlations], titles: dict[str, str]) -> Figure | None:
    """A heat map per group, one below the other; pale where the interval includes zero."""
    if not correlated:
        return None
    names = [shown(of.scores) for of in correlated]
    sides, above, below = [CELL * len(of) for of in names], 0.75, 1.9
    width, height = LABELS + max(max(sides), 3.5) + 0.8, sum(side + above + below for side in sides) + 0.3
    figure, top = Figure(figsize=(width, height)), height - 0.3
    for of, chosen, side in zip(correlated, names, sides, strict=True):
        bottom = top - above - side
        ax = figure.add_axes((LABELS / width, bottom / height, side / width, side / height))
        _draw_map(ax, of, chosen)
        title = f"{titles[of.group]}\n{of.runs} runs of {of.configurations} configurations"
        ax.set_title(title, loc="left", fontsize=9.5, fontweight="bold")
        top = bottom - below
    head(figure, "Spearman's rank correlation of scores over runs, in hundredths\n"
                 "grey: the 95 % interval includes zero")  # fmt: skip
    return figure


def _draw_map(ax: Axes, of: Correlations, chosen: Sequence[str]) -> None:
    at = [of.scores.index(name) for name in chosen]
    values, low, high = (matrix[np.ix_(at, at)] for matrix in (of.values, of.low, of.high))
    arrows = {"higher": "", "lower": " ↓", "": ""}
    words = [_words(name) + arrows[of.better[i]] for name, i in zip(chosen, at, strict=True)]
    hidden = np.triu(np.ones_like(values, dtype=bool))
    unsure = (low <= 0) & (high >= 0)
    style: dict[str, Any] = {"vmin": -1, "vmax": 1, "cbar": False, "square": True, "linewidths": 1, "fmt": ".0f"}
    style |= {"ax": ax, "annot": np.round(100 * values) + 0.0, "xticklabels": words, "yticklabels": words}
    grey = {"color": "0.6", "fontsize": 7}
    seaborn.heatmap(values, mask=hidden | ~unsure, cmap=["0.97"], annot_kws=grey, **style)
    seaborn.heatmap(values, mask=hidden | unsure, cmap="vlag", annot_kws={"fontsize": 7.5}, **style)
    ax.set_xticks(ax.get_xticks()[:-1], words[:-1], rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(ax.get_yticks()[1:], words[1:], rotation=0)
    ax.set(xlim=(0, len(words) - 1), ylim=(len(words), 1))  # neither the first row nor the last column has a cell
    ax.grid(False)


def bars(variance: pd.DataFrame, titles: dict[str, str]) -> Figure | None:
    """A bar per score, method, hyper-parameter and seed beside each other; a strip per group."""
    if variance.empty:
        return None
    groups = {str(group): of for group, of in variance.groupby("group")}
    names = {group: shown(list(of["score"].unique())) for group, of in groups.items()}
    tall = {group: 0.32 * len(of) for group, of in names.items()}
    width, height = LABELS + 5.5, 1.1 + sum(tall.values()) + 1.0 * len(tall)
    figure, top = Figure(figsize=(width, height)), height - 0.7
    for group, of in groups.items():
        bottom = top - 0.5 - tall[group]
        ax = figure.add_axes((LABELS / width, bottom / height, 5.2 / width, tall[group] / height))
        _draw_bars(ax, of, names[group])
        ax.set_title(f"{titles[group]}\n{sizes_of(of)}", loc="left", fontsize=9.5, fontweight="bold")
        top = bottom - 0.5
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="lower center", ncols=3, frameon=False)
    lines = "lines: 95 % intervals of the end of the method's share (upper), the start of the seed's (lower)"
    head(figure, f"What explains a score's variance over runs\n{lines}")
    return figure


def _draw_bars(ax: Axes, rows: pd.DataFrame, chosen: Sequence[str]) -> None:
    share, low, high = (
        rows.pivot(index="score", columns="cause", values=value).loc[list(chosen), list(CAUSES)]
        for value in ("share", "low", "high")
    )
    places, left = -np.arange(len(chosen)), np.zeros(len(chosen))
    for (cause, words), colour in zip(CAUSES.items(), COLOURS, strict=True):
        part = share[cause].to_numpy()
        ax.barh(places, part, 0.8, left, color=colour, label=words, linewidth=0)
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
    ax.set_yticks(places, [_words(name) for name in chosen])
    ax.grid(False, axis="y")
