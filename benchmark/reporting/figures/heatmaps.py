"""The matrices of an experiment side by side: what the codes of each configuration know of each factor (D x F)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.drawing.layout import Block, Row, Sides, lay_out, wrapped
from benchmark.drawing.matrices import SCALE, heat, room_below, row_order, scale
from benchmark.reporting.columns import group_titles
from benchmark.reporting.figures.style import caption
from benchmark.reporting.ranking import codes_in
from benchmark.store.matrices import by_kind, read_factor_names, read_matrices, words_of
from metrics.core import AMORTISED, Array

REFERENCES = ("truth", "rotated_truth", "pca")  # the ceiling, what a rotation does to it, and the simplest code
TRAINED, ACROSS = 8, 6  # configurations of a group at most; columns in a line at most
MIDDLE = "mig_hist"  # of several seeds the one with the median of this is drawn
HEAD = "What each code dimension (rows) knows of each factor (columns), in the run of median MIG"
KINDS = ("mutual_information", "importance")
SIDES, TITLE = Sides(0.95, 0.35, SCALE), 0.4  # inches


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
    kinds = {
        group: [name for kind in KINDS if (name := by_kind(kind, [one.matrices for one in shown]))]
        for group, shown in groups.items()
    }
    blocks = [_block(titles[group], kinds[group], shown) for group, shown in groups.items()]
    figure, places = lay_out(blocks, HEAD, SIDES)
    for rows, (group, shown) in zip(places, groups.items(), strict=True):
        drawn = ((line, name) for line in _lines(shown) for name in kinds[group])
        for axes, (line, name) in zip(rows, drawn, strict=True):
            _draw_kind(name, line, axes, _top(name, shown), titled=name == kinds[group][0])
    return figure


def _shown(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> list[Shown]:
    order = board[board["group"] == table["group"].iloc[0]].drop_duplicates("label").sort_values(["rank", "label"])
    trained = order.loc[~order["reference"], "label"].tolist()[:TRAINED]
    references = [
        name for model in REFERENCES for name in order.loc[order["reference"] & (order["model"] == model), "label"]
    ]
    of = {name: table[table["label"] == name] for name in [*references, *trained]}
    found = (_of(folder, name, readout, of[name]) for name in of for readout in _readouts(of[name]))
    return [one for one in found if one is not None]


def _readouts(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(readout for readout, _ in codes_in(table)))


def _of(folder: Path, label: str, readout: str, table: pd.DataFrame) -> Shown | None:
    """The run nearest to the median whose matrices of that readout can be read."""
    for run in _from_the_middle(table):
        matrices, names = read_matrices(folder / "runs" / run, readout), read_factor_names(folder / "runs" / run)
        matrices = {name: matrix for name, matrix in matrices.items() if matrix.shape[1] == len(names)}
        if first := by_kind(KINDS[0], [matrices]) or by_kind(KINDS[1], [matrices]):
            title = label if readout == AMORTISED else f"{label}, {readout} q"
            return Shown(title, matrices, names, row_order(matrices[first]))
    return None


def _from_the_middle(table: pd.DataFrame) -> list[str]:
    """The runs by their distance from the median one; by seed where nothing tells them apart."""
    scored = table[(table["metric"] == MIDDLE) & (table["readout"] == AMORTISED)].sort_values(["value", "seed"])
    runs = list(dict.fromkeys([*scored["run"], *table.sort_values("seed")["run"]]))
    middle = (max(len(scored), 1) - 1) / 2
    return [run for _, run in sorted(enumerate(runs), key=lambda pair: abs(pair[0] - middle))]


def _lines(shown: Sequence[Shown]) -> list[list[Shown]]:
    """The columns of a group in lines of about the same length, at most ACROSS."""
    across = math.ceil(len(shown) / math.ceil(len(shown) / ACROSS))
    return [list(shown[i : i + across]) for i in range(0, len(shown), across)]


def _block(title: str, names: Sequence[str], shown: Sequence[Shown]) -> Block:
    """For every line of configurations a row of panels per kind of matrix."""
    width = max(1.0, 0.26 * max(len(one.factor_names) for one in shown))
    height = max(0.9, 0.13 * max(len(one.order) for one in shown))  # enough for the names of its rows
    below = max(room_below(one.factor_names) for one in shown)
    rows = [
        Row(len(line), width, height, TITLE if name == names[0] else 0.1, below)
        for line in _lines(shown)
        for name in names
    ]
    return Block(rows, title)


def _top(name: str, shown: Sequence[Shown]) -> float:
    """Where the scale of a kind ends: the same for all configurations of a group."""
    return words_of(name).top or max(float(one.matrices[name].max()) for one in shown if name in one.matrices)


def _draw_kind(name: str, shown: Sequence[Shown], axes: Sequence[Axes], top: float, titled: bool) -> None:
    """One kind of matrix of the configurations in a line."""
    words = words_of(name)
    for ax, one in zip(axes, shown, strict=True):
        if titled:
            ax.set_title(wrapped(caption(one.title), ax.bbox.width / ax.figure.dpi + SIDES.between, 8), fontsize=8)
        if name in one.matrices:
            heat(ax, one.matrices[name], one.order, one.factor_names, top, annotated=False)
        else:
            ax.text(0.5, 0.5, "not measured", transform=ax.transAxes, ha="center", va="center", fontsize=7)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
    axes[0].set_ylabel(words.title, fontsize=7)
    scale(axes[-1], top, words.unit)
