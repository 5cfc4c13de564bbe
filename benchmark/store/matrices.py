"""Pictures of what code dimensions know of factors: a run's (codes x factors) matrices, kept, read back and drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.store.arrays import UnreadableError, read_arrays
from benchmark.store.codes import FILE as CODES
from benchmark.store.files import write_atomically
from metrics.arrays import words
from metrics.core import Array, Codes, Representation
from metrics.declared import UNBOUNDED, Matrix, declared_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FILE = "matrices.npz"
MOST_DIMENSIONS = 32  # rows of a picture
UNIMPORTANT = 0.05  # of the greatest value: a row that stays below has no best factor worth its name
ANNOTATED = 12  # rows and columns up to which every cell can show its number
CELL, PANELS = 0.42, 4  # inches; panels in a row
COLOURS = "Blues"  # white is nothing: most entries of most matrices are near 0
TINY = 1e-9  # the top of a scale where a matrix is all zero
ORDER = f"rows: code dimensions by the factor they know best, those below {UNIMPORTANT:.0%} of the greatest value last"


def words_of(name: str) -> Matrix:
    """The words of a matrix by its name in matrices.npz; an unknown one is called by that name and comes last."""
    return declared_matrix(name) or Matrix(name, name.replace("_", " "), "", UNBOUNDED, None)


def keep_matrices(folder: Path, representation: Representation, earlier: bool) -> None:
    """Write matrices.npz and matrices.png; with `earlier`, those of metrics that were measured before stay."""
    shape = representation.test.mean.shape[1], len(_generative(representation.test))
    before = read_matrices(folder) if earlier else {}
    matrices = {name: matrix for name, matrix in (before | representation.matrices).items() if matrix.shape == shape}
    if not matrices:
        return
    write_atomically(folder / FILE, lambda file: np.savez(file, **matrices))  # type: ignore[arg-type]
    draw_matrices(folder / "matrices.png", matrices, _generative(representation.test))


def _generative(codes: Codes) -> list[str]:
    return [name for name, kind in zip(codes.factor_names, codes.factor_types, strict=True) if kind != "label"]


def read_matrices(folder: Path) -> dict[str, Array]:
    """The matrices (D, F) in a run's folder; none where the file is missing or damaged: metrics can make them again."""
    found = _arrays(folder / FILE)
    return {name: array for name, array in found.items() if _is_matrix(array)}


def read_factor_names(folder: Path) -> list[str]:
    """The names of the generative factors, the columns of a run's matrices, from its codes; none if these are lost."""
    found = _arrays(folder / CODES, ("factor_names", "factor_types"))
    try:
        names, types = (words(array, name) for name, array in found.items())
    except ValueError:
        return []
    return [name for name, kind in zip(names, types, strict=False) if kind != "label"]


def _arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    try:
        return read_arrays(path, names)
    except UnreadableError:
        return {}


def _is_matrix(array: np.ndarray) -> bool:
    return array.ndim == 2 and array.size > 0 and array.dtype.kind == "f" and bool(np.isfinite(array).all())


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
    from matplotlib.figure import Figure

    names = sorted(matrices, key=_place)
    order = row_order(matrices[names[0]])
    size = max(1.6, CELL * len(factor_names)), max(0.8, 0.6 * CELL * len(order))
    figure = Figure(dpi=100)
    axes = placed_axes(figure, len(names), PANELS, size, (1.2, 1.2), 0.6)
    top = max((float(matrices[name].max()) for name in names if words_of(name).top is None), default=1.0)
    for ax, name in zip(axes, names, strict=True):
        words = words_of(name)
        heat(ax, matrices[name], order, factor_names, words.top or top)
        ax.set_title(words.title, fontsize=9)
        scale(ax, words.top or top, words.unit)
    figure.suptitle(_head(len(matrices[names[0]]), len(order)), fontsize=9, y=1 - 0.1 / figure.get_figheight())
    write_atomically(path, lambda file: figure.savefig(file, format="png", metadata={"Software": None}))


def placed_axes(
    figure: Figure, count: int, columns: int, size: tuple[float, float], gap: tuple[float, float], head: float
) -> list[Axes]:
    """`count` panels of one size in rows of `columns`, in inches; places are computed, for a layout measures all text.

    The gap right of a panel has room for its scale, the one below it for the names of its factors and the next title.
    """
    across, down = min(columns, count), -(-count // columns)
    width, height = max(6.0, 0.5 + across * (size[0] + gap[0])), head + down * (size[1] + gap[1])
    figure.set_size_inches(width, height)
    left = [0.5 + (i % columns) * (size[0] + gap[0]) for i in range(count)]
    top = [height - head - 0.4 - (i // columns) * (size[1] + gap[1]) for i in range(count)]
    return [
        figure.add_axes((x / width, (y - size[1]) / height, size[0] / width, size[1] / height))
        for x, y in zip(left, top, strict=True)
    ]


def _place(name: str) -> tuple[float, str]:
    return words_of(name).place, name


def _head(dimensions: int, shown: int) -> str:
    which = f"the {shown} of {dimensions} that know most; " if shown < dimensions else ""
    return f"What each code dimension knows of each factor (test images)\n{which}{ORDER}"


def by_kind(kind: str, found: Sequence[Mapping[str, Array]]) -> str | None:
    """The matrix of a kind, such as importance, that the most of several runs have; the first in order among equals."""
    names = Counter(name for matrices in found for name in matrices if name.startswith(kind))
    return min(names, key=lambda name: (-names[name], _place(name)), default=None)


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
    ax.set_xticks(range(shown.shape[1]), factor_names, rotation=40, ha="right", rotation_mode="anchor", fontsize=7)
    ax.set_yticks(range(len(order)), [f"z{row}" for row in order], fontsize=7)
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
    bar.set_yticks([0, top / 2, top], [f"{value:.2g}" for value in (0, top / 2, top)], fontsize=7)
    bar.set_ylabel(unit, fontsize=7, labelpad=1)
    bar.tick_params(length=2, pad=1)
    bar.grid(False)
