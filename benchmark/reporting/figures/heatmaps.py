"""The matrices of an experiment side by side: what the codes of each configuration know of each factor (D x F)."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.reporting.columns import group_titles
from benchmark.reporting.figures.style import caption, head
from benchmark.store.matrices import by_kind, heat, read_factor_names, read_matrices, row_order, scale, words_of
from metrics.core import Array

REFERENCES = ("truth", "rotated_truth", "pca")  # the ceiling, what a rotation does to it, and the simplest code
TRAINED, ACROSS = 8, 6  # configurations of a group at most; columns in a line at most
MIDDLE = "mig_hist"  # of several seeds the one with the median of this is drawn
HEAD = "What each code dimension (rows) knows of each factor (columns), in the run of median MIG"
KINDS = ("mutual_information", "importance")
LEFT, RIGHT, GAP, TITLE, LABELS = 0.95, 0.9, 0.35, 0.55, 0.6  # inches


class Shown(NamedTuple):
    """One column of the figure."""

    title: str
    matrices: dict[str, Array]
    factor_names: list[str]
    order: list[int]  # of rows, the same for all its matrices


def heatmaps(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> Figure | None:
    """Mutual information and importance of a few configurations of each group; None where no run has kept any."""
    groups = {str(group): _shown(folder, rows, board) for group, rows in table.groupby("group", sort=True)}
    groups = {group: shown for group, shown in groups.items() if shown}
    if not groups:
        return None
    titles = group_titles(board["group"].unique())
    figure, places = _places(groups)
    for group, shown in groups.items():
        names = [name for kind in KINDS if (name := by_kind(kind, [one.matrices for one in shown]))]
        for row, name in enumerate(names):
            _draw_kind(name, shown, [axes[row] for axes in places[group]], titled=row == 0)
        for axes in places[group]:
            for ax in axes[len(names) :]:
                ax.set_axis_off()
        first = places[group][0][0]
        first.text(0, 1 + 0.45 / _height(shown), titles[group], transform=first.transAxes, fontsize=11, weight="bold")
    head(figure, HEAD)
    return figure


def _shown(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> list[Shown]:
    order = board[board["group"] == table["group"].iloc[0]].drop_duplicates("label").sort_values(["rank", "label"])
    trained = order.loc[~order["reference"], "label"].tolist()[:TRAINED]
    references = [
        name for model in REFERENCES for name in order.loc[order["reference"] & (order["model"] == model), "label"]
    ]
    found = (_of_configuration(folder, name, table[table["label"] == name]) for name in [*references, *trained])
    return [one for one in found if one is not None]


def _of_configuration(folder: Path, label: str, table: pd.DataFrame) -> Shown | None:
    """The run nearest to the median whose matrices can be read."""
    for run in _from_the_middle(table):
        matrices, names = read_matrices(folder / "runs" / run), read_factor_names(folder / "runs" / run)
        matrices = {name: matrix for name, matrix in matrices.items() if matrix.shape[1] == len(names)}
        if first := by_kind(KINDS[0], [matrices]) or by_kind(KINDS[1], [matrices]):
            return Shown(label, matrices, names, row_order(matrices[first]))
    return None


def _from_the_middle(table: pd.DataFrame) -> list[str]:
    """The runs by their distance from the median one; by seed where nothing tells them apart."""
    scored = table[table["metric"] == MIDDLE].sort_values(["value", "seed"])
    runs = list(dict.fromkeys([*scored["run"], *table.sort_values("seed")["run"]]))
    middle = (max(len(scored), 1) - 1) / 2
    return [run for _, run in sorted(enumerate(runs), key=lambda pair: abs(pair[0] - middle))]


def _height(shown: Sequence[Shown]) -> float:
    """Inches of a panel: enough for the names of its rows."""
    return max(0.9, 0.13 * max(len(one.order) for one in shown))


def _width(shown: Sequence[Shown]) -> float:
    return max(1.0, 0.26 * max(len(one.factor_names) for one in shown))


def _across(shown: Sequence[Shown]) -> int:
    """Columns in a line, so that all lines are about as long."""
    return math.ceil(len(shown) / math.ceil(len(shown) / ACROSS))


def _places(groups: dict[str, list[Shown]]) -> tuple[Figure, dict[str, list[list[Axes]]]]:
    """A figure, and for every group and configuration one panel per kind, below each other, in lines."""
    pair = {group: len(KINDS) * (_height(of) + LABELS) for group, of in groups.items()}
    line = {group: TITLE + inches for group, inches in pair.items()}
    tall = {group: math.ceil(len(of) / _across(of)) * line[group] for group, of in groups.items()}
    width = max(LEFT + _across(of) * (_width(of) + GAP) + RIGHT for of in groups.values())
    width, height = max(width, 7.5), 0.6 + sum(tall.values())
    figure, top, places = Figure(figsize=(width, height)), height - 0.5, dict[str, list[list[Axes]]]()
    for group, of in groups.items():
        size = _width(of), _height(of)
        corners = [
            (LEFT + i % _across(of) * (size[0] + GAP), top - TITLE - i // _across(of) * line[group])
            for i in range(len(of))
        ]
        places[group] = [list(_below_each_other(figure, corner, size)) for corner in corners]
        top -= tall[group]
    return figure, places


def _below_each_other(figure: Figure, corner: tuple[float, float], size: tuple[float, float]) -> Iterator[Axes]:
    width, height = figure.get_size_inches()
    for row in range(len(KINDS)):
        y = corner[1] - row * (size[1] + LABELS) - size[1]
        yield figure.add_axes((corner[0] / width, y / height, size[0] / width, size[1] / height))


def _draw_kind(name: str, shown: Sequence[Shown], axes: Sequence[Axes], titled: bool) -> None:
    """One kind of matrix of every configuration, on one scale."""
    words, there = words_of(name), [one.matrices[name] for one in shown if name in one.matrices]
    top = words.top or max(float(matrix.max()) for matrix in there)
    for i, (ax, one) in enumerate(zip(axes, shown, strict=True)):
        if titled:
            ax.set_title(textwrap.fill(caption(one.title), 22), fontsize=8)
        if name not in one.matrices:
            ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", fontsize=7)
            ax.set_axis_off()
            continue
        heat(ax, one.matrices[name], one.order, one.factor_names, top, annotated=False)
        if i % _across(shown) == 0:
            ax.set_ylabel(words.title, fontsize=7)
        if (i + 1) % _across(shown) == 0 or i == len(shown) - 1:
            scale(ax, top, words.unit)
