"""Tables to figures: the rate-distortion plane, scores against beta, the leaderboard; no axis has two groups."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from benchmark.files import remove, write_atomically
from benchmark.headlines import headline_rows
from benchmark.heatmaps import heatmaps
from benchmark.looks import STYLE
from benchmark.plane import rate_distortion
from benchmark.strips import beta, leaderboard

DPI = 110
Draw = Callable[[pd.DataFrame, pd.DataFrame], Figure | None]
DRAW: dict[str, Draw] = {"rate_distortion": rate_distortion, "beta": beta, "leaderboard": leaderboard}


def write_figures(folder: Path, table: pd.DataFrame, board: pd.DataFrame) -> list[str]:
    """Draw what there is to draw; returns the names of the PNG files, and removes those that no longer apply."""
    table, board = headline_rows(table, main=True), headline_rows(board, main=True)
    table = table[table["value"].notna()]
    with mpl.rc_context(STYLE):
        draw: dict[str, Draw] = {**DRAW, "matrices": partial(heatmaps, folder)}
        return [name for name, function in draw.items() if save_figure(folder / f"{name}.png", function(table, board))]


def save_figure(path: Path, figure: Figure | None) -> bool:
    """Write a PNG, or remove the old one where there is nothing to draw; returns whether there is a picture now."""
    if figure is None:
        remove(path)
        return False
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None}))
    return True
