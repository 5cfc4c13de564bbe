"""Rank correlations of scores as heat maps, one per comparison group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.drawing.layout import LABEL, SLANT, Block, Row, Sides, lay_out, slanted, width_of
from benchmark.reporting.correlations import Correlations
from benchmark.reporting.figures.scores import shown, words_of

CELL = 0.4  # inches
HEAD = "Spearman's rank correlation of scores over runs, in hundredths\ngrey: the 95 % interval includes zero"
ARROWS = {"higher": "", "lower": " ↓", "": ""}


def heat_maps(correlated: Sequence[Correlations], titles: dict[str, str]) -> Figure | None:
    """A heat map per group, one below the other; pale where the interval includes zero."""
    if not correlated:
        return None
    words = [_words(of) for of in correlated]
    blocks = [
        Block(
            [_square(list(of.values()))], f"{titles[one.group]}\n{one.runs} runs of {one.configurations} configurations"
        )
        for one, of in zip(correlated, words, strict=True)
    ]
    left = max(max(width_of(of.values(), LABEL), slanted(of.values(), LABEL)) for of in words)
    figure, places = lay_out(blocks, HEAD, Sides(left + 0.25))
    for [[ax]], one, of in zip(places, correlated, words, strict=True):
        _draw_map(ax, one, of)
    return figure


def _words(of: Correlations) -> dict[int, str]:
    """Place in the matrix -> what the score is called, for those that are shown."""
    places = (of.scores.index(name) for name in shown(of.scores))
    return {place: words_of(of.scores[place]) + ARROWS[of.better[place]] for place in places}


def _square(words: Sequence[str]) -> Row:
    """Room for a map without its first row and last column, which have no cells."""
    side = CELL * (len(words) - 1)
    return Row(1, side, side, above=0.0, below=0.1 + slanted(words[:-1], LABEL))


def _draw_map(ax: Axes, of: Correlations, words: dict[int, str]) -> None:
    at, names = list(words), list(words.values())
    values, low, high = (matrix[np.ix_(at, at)] for matrix in (of.values, of.low, of.high))
    hidden = np.triu(np.ones_like(values, dtype=bool))
    unsure = (low <= 0) & (high >= 0)
    style: dict[str, Any] = {"vmin": -1, "vmax": 1, "cbar": False, "linewidths": 1, "fmt": ".0f", "ax": ax}
    style |= {"annot": np.round(100 * values) + 0.0, "xticklabels": names, "yticklabels": names}
    grey = {"color": "0.6", "fontsize": 7}
    seaborn.heatmap(values, mask=hidden | ~unsure, cmap=["0.97"], annot_kws=grey, **style)
    seaborn.heatmap(values, mask=hidden | unsure, cmap="vlag", annot_kws={"fontsize": 7.5}, **style)
    ax.set_xticks(ax.get_xticks()[:-1], names[:-1], rotation=SLANT, ha="right", rotation_mode="anchor")
    ax.set_yticks(ax.get_yticks()[1:], names[1:], rotation=0)
    ax.set(xlim=(0, len(names) - 1), ylim=(len(names), 1))  # neither the first row nor the last column has a cell
    ax.grid(False)
