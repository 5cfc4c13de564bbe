"""Matrices (codes x factors) as pictures: rows in a readable order, one scale from 0 in the unit of its entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.drawing.layout import DPI, SLANT, Block, Row, Sides, in_rows, lay_out, room_above, slanted
from benchmark.store.files import write_atomically
from benchmark.store.matrices import place_of, words_of
from metrics.core import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DIMENSIONS = 32  # rows of a picture
UNIMPORTANT = 0.05  # of the greatest value: a row that stays below has no best factor worth its name
ANNOTATED = 12  # rows and columns up to which every cell can show its number
CELL, PANELS = 0.42, 4  # inches of a column, of which a row has 0.6; panels in a row of the picture
SCALE = 0.9  # inches right of a panel, of its scale with numbers and unit
COLOURS = "Blues"  # white is nothing: most entries of most matrices are near 0
TINY = 1e-9  # the top of a scale where a matrix is all zero
SMALL = 7  # points
ORDER = f"rows: code dimensions by the factor they know best, those below {UNIMPORTANT:.0%} of the greatest value last"


def row_order(matrix: Array) -> list[int]:
    """Rows by their best factor, the strongest first; then those without a value to speak of. At most MOST_DIMENSIONS.

    Where there are more, the rows with the greatest values are taken.
    """
    best, strength = matrix.argmax(axis=1), matrix.max(axis=1)
    chosen = np.sort(np.argsort(-strength, kind="stable")[:MOST_DIMENSIONS])
    weak = strength < UNIMPORTANT * strength.max()
    return sorted(chosen.tolist(), key=lambda row: (weak[row], best[row] if not weak[row] else 0, -strength[row]))


def draw_matrices(path: Path, matrices: Mapping[str, Array], factor_names: Sequence[str]) -> None:
    """A panel per matrix (D, F), all with the same order of rows, so that one code is one line across the picture."""
    names = sorted(matrices, key=place_of)
    order = row_order(matrices[names[0]])
    size = max(1.6, CELL * len(factor_names)), max(0.8, 0.6 * CELL * len(order))
    titles = [words_of(name).title for name in names]
    rows = [
        Row(panels, *size, room_above(titles, 9), room_below(factor_names)) for panels in in_rows(len(names), PANELS)
    ]
    head = _head(len(matrices[names[0]]), len(order))
    figure, [places] = lay_out([Block(rows)], head, Sides(0.5, SCALE + 0.3, SCALE))
    top = max((float(matrices[name].max()) for name in names if words_of(name).top is None), default=1.0)
    for ax, name in zip((ax for row in places for ax in row), names, strict=True):
        words = words_of(name)
        heat(ax, matrices[name], order, factor_names, words.top or top)
        ax.set_title(words.title, fontsize=9)
        scale(ax, words.top or top, words.unit)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None}))


def room_below(factor_names: Sequence[str]) -> float:
    """Inches below a panel for the names of its columns."""
    return slanted(factor_names, SMALL) + 0.1


def _head(dimensions: int, shown: int) -> str:
    which = f"the {shown} of {dimensions} that know most; " if shown < dimensions else ""
    return f"What each code dimension knows of each factor (test images)\n{which}{ORDER}"


def heat(
    ax: Axes,
    matrix: Array,
    order: Sequence[int],
    factor_names: Sequence[str],
    top: float,
    annotated: bool = True,
) -> None:
    """Draw those rows of a matrix (D, F) on a scale from 0 to `top`, with the numbers that stand out where they fit."""
    shown = matrix[list(order)]
    ax.imshow(shown, cmap=COLOURS, vmin=0, vmax=max(top, TINY), aspect="auto", interpolation="nearest")
    ax.set_xticks(
        range(shown.shape[1]), factor_names, rotation=SLANT, ha="right", rotation_mode="anchor", fontsize=SMALL
    )
    ax.set_yticks(range(len(order)), [f"z{row}" for row in order], fontsize=SMALL)
    ax.tick_params(length=0, pad=2)
    ax.grid(False)
    if not annotated or max(shown.shape) > ANNOTATED:
        return
    for row, column in np.argwhere(shown >= UNIMPORTANT * max(top, TINY)):
        value = shown[row, column]
        colour = "white" if value > 0.6 * top else "0.15"
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=6, color=colour)


def scale(ax: Axes, top: float, unit: str) -> None:
    """A narrow scale from 0 to `top` in its unit, right of a panel."""
    bar = ax.inset_axes((1.04, 0.0, 0.05, 1.0))
    bar.imshow(np.linspace(1, 0, 64)[:, None], cmap=COLOURS, aspect="auto", extent=(0, 1, 0, max(top, TINY)))
    bar.yaxis.tick_right()
    bar.yaxis.set_label_position("right")
    bar.set_xticks([])
    bar.set_yticks([0, top / 2, top], [f"{value:.2g}" for value in (0, top / 2, top)], fontsize=SMALL)
    bar.set_ylabel(unit, fontsize=SMALL, labelpad=3)
    bar.tick_params(length=2, pad=1)
    bar.grid(False)
