"""Tables to figures: the rate-distortion plane, scores against beta, the leaderboard; no axis has two groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from benchmark.reporting.columns import headline_rows
from benchmark.reporting.figures.heatmaps import heatmaps
from benchmark.reporting.figures.options import beta, leaderboard
from benchmark.reporting.figures.rate_distortion import rate_distortion
from benchmark.reporting.figures.style import STYLE
from benchmark.store.files import remove, write_atomically

DPI = 110
FORMATS = ("png", "pdf", "svg")
Draw = Callable[[pd.DataFrame, pd.DataFrame], Figure | None]
DRAW: dict[str, Draw] = {"rate_distortion": rate_distortion, "beta": beta, "leaderboard": leaderboard}


def write_figures(
    folder: Path, table: pd.DataFrame, board: pd.DataFrame, formats: Sequence[str] = ("png",)
) -> list[str]:
    """Draw what there is to draw in each of FORMATS that is asked for, PNG always; returns the names of the figures,
    and removes the files of those that no longer apply."""
    table, board = headline_rows(table, main=True), headline_rows(board, main=True)
    table = table[table["value"].notna()]
    with mpl.rc_context(STYLE):
        draw: dict[str, Draw] = {**DRAW, "matrices": partial(heatmaps, folder)}
        return [name for name, function in draw.items() if save_figure(folder / name, function(table, board), formats)]


def save_figure(stem: Path, figure: Figure | None, formats: Sequence[str] = ("png",)) -> bool:
    """Write <stem>.png and the other formats, or remove old files where there is nothing to draw; whether there was."""
    for kind in FORMATS:
        path = stem.with_name(f"{stem.name}.{kind}")
        if figure is None:
            remove(path)
        elif kind == "png" or kind in formats:
            write_atomically(path, partial(_save, figure, kind))
    return figure is not None


def _save(figure: Figure, kind: str, file: IO[bytes]) -> None:
    # neither a date nor a version: a report is the same twice
    nothing = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    with mpl.rc_context({"svg.hashsalt": "betterbound"}):
        figure.savefig(file, format=kind, dpi=DPI, metadata=nothing[kind])
