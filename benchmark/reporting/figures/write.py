"""Figures to files: PNG always, others where asked for, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmark.drawing.layout import DPI
from benchmark.store.files import remove, write_atomically

FORMATS = ("png", "pdf", "svg")


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
