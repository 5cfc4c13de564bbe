"""Pictures of two settings side by side, under the nats that they have and do not have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from benchmark.drawing.layout import Block, Row, Sides, lay_out, room_above, wrapped
from benchmark.reporting.names import spoken
from metrics.declared import title_of

WIDE, WORDS = 4.6, 9  # inches of a picture, points of what stands above it


class Side(NamedTuple):
    """One setting: means of its scores over n seeds, and pictures of one of them by what they show."""

    name: str
    scores: Mapping[str, float]
    n: int
    pictures: Mapping[str, Path]

    @property
    def words(self) -> str:
        known = [f"{_title(name)} {value:.3g}" for name, value in self.scores.items() if np.isfinite(value)]
        return f"{spoken(self.name)} (n = {self.n}): {', '.join(known)}"


class Pair(NamedTuple):
    """A claim that two settings are alike, and the two."""

    text: str
    sides: Sequence[Side]


def pairs_figure(pairs: Sequence[Pair]) -> Figure | None:
    """A column for each side, a row for each kind of picture; None where no run has any."""
    shown = [pair for pair in pairs if all(side.pictures for side in pair.sides)]
    if not shown:
        return None
    blocks, pictures = [], []
    for pair in shown:
        kinds = [kind for kind in pair.sides[0].pictures if all(kind in side.pictures for side in pair.sides)]
        rows = []
        for i, kind in enumerate(kinds):
            images = [_content(side.pictures[kind]) for side in pair.sides]
            high = max(WIDE * image.shape[0] / image.shape[1] for image in images)
            titles = [f"{side.words}\n{kind}" if i == 0 else kind for side in pair.sides]
            titles = [wrapped(title, WIDE, WORDS) for title in titles]
            rows.append(Row(len(images), WIDE, high, room_above(titles, WORDS), 0.1))
            pictures.append((images, titles))
        blocks.append(Block(rows, pair.text))
    figure, places = lay_out(blocks, "Alike in one number, different in others", Sides(0.2, 0.4))
    for axes, (images, titles) in zip((row for block in places for row in block), pictures, strict=True):
        for ax, image, title in zip(axes, images, titles, strict=True):
            ax.imshow(image, cmap="gray", vmin=0, vmax=1, aspect="auto")
            ax.set_title(title, fontsize=WORDS, loc="left")
            ax.axis("off")
    return figure


def _content(path: Path) -> np.ndarray:
    """A picture without the words above it: rows from the first that is not white but for a title."""
    image = imread(path)
    grey = image[..., :3].mean(-1)
    dark = (grey < 0.9).mean(1) > 0.6  # rows of tiles are mostly dark; those of words mostly white
    rows = np.flatnonzero(dark)
    columns = np.flatnonzero((grey[rows] < 0.9).mean(0) > 0.5) if len(rows) else rows
    if not len(columns):
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _title(name: str) -> str:
    score, _, view = name.removesuffix("]").partition("[")
    return f"{title_of(score)}{f' ({view} codes)' if view else ''}"
