"""Rendering dSprites: outlines to packed bits, beside copying those bits."""

from __future__ import annotations

from itertools import islice

import numpy as np

from benchmark.datasets.sprites import DSPRITES
from tests.speed.core import Row, interleaved


def rows(quick: bool) -> list[Row]:
    """One, two and four of its eighteen blocks of 40,960 images: squares, of the fewest corners, come first."""
    found = []
    for count in (1, 2, 4) if not quick else (1,):
        blocks = list(islice(DSPRITES.blocks(), count))
        images = sum(map(len, blocks))
        seconds = interleaved(
            {
                "render": lambda count=count: list(islice(DSPRITES.blocks(), count)),
                "copy": lambda blocks=blocks: [np.copy(block) for block in blocks],
            },
            rounds=1 if quick else 3,
        )
        found.append(Row("render dSprites", images, "images", seconds["render"], "memory copy", seconds["copy"]))
    return found
