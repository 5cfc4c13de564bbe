"""The dSprites renderer: polygons filled without anti-aliasing, 64x64 pixels or half of that; rows as packed bits.

The recipe was fitted to the 320 frames of the animation in the dSprites repository (Matthey et al., 2017) and
reproduces every pixel of them. A pixel is lit where its centre is inside; vertices are snapped to 1/256 pixel.
All arithmetic after the snap is exact, so the images are the same on every platform.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = ("square", "ellipse", "heart")
FOLDS = (4, 2, 1)  # how many times in a turn each looks the same
REFERENCE = 64  # the canvas on which the numbers below are pixels
SUBPIXELS = 256


def outline(shape: str) -> NDArray[np.float64]:
    """The polygon (V, 2) at scale 1 around the origin, x to the right and y down, in pixels of a 64x64 canvas."""
    if shape == "square":
        return 9.6 * np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
    if shape == "ellipse":
        t = 2 * np.pi * np.arange(100) / 100
        return np.stack([9.6 * 1.33 * np.cos(t), 9.6 / 1.33 * np.sin(t)], axis=1)
    t = 2 * np.pi * np.arange(150) / 150
    height = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([9.6 * np.sin(t) ** 3, -19.2 / 29 * height - 1.44], axis=1)


def poses(shape: str, scale: float, angles: NDArray[np.float64], canvas: int = REFERENCE) -> NDArray[np.float64]:
    """The outline scaled and turned counter-clockwise by each angle, (angles, V, 2), in pixels of the canvas."""
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    x, y = (outline(shape) * (scale * canvas / REFERENCE)).T
    return np.stack([x * cos + y * sin, y * cos - x * sin], axis=2)


def centres(count: int, canvas: int = REFERENCE) -> NDArray[np.float64]:
    """Where the sprite's origin may lie along one axis: the middle half of the canvas, both ends included."""
    return canvas * (0.25 + 0.5 * np.linspace(0, 1, count))


def render(polygons: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], canvas: int) -> NDArray[Any]:
    """Images of each polygon (P, V, 2) at each centre x (X,), y (Y,): packed bits (P * X * Y, canvas * canvas / 8)."""
    columns, rows = _snap(polygons[:, None, :, 0] + x[:, None]), _snap(polygons[:, None, :, 1] + y[:, None])
    pose, j, row, edge = _crossings(rows, canvas)
    start, end = rows[pose, j, edge], rows[pose, j, (edge + 1) % rows.shape[2]]
    left, right = columns[pose, :, edge], columns[pose, :, (edge + 1) % rows.shape[2]]
    rise, half = (end - start)[:, None], SUBPIXELS // 2
    height = (SUBPIXELS * row + half - start)[:, None]
    # a ratio of integers below 2**31 and 2**22: its ceiling is exact in float64
    column = np.ceil(((left - half) * rise + height * (right - left)) / (SUBPIXELS * rise))
    masks = _right_of(canvas)[np.clip(column, 0, canvas).astype(np.intp)]
    # between two crossings the masks cancel: xor of "all from here on" is the even-odd filling
    key = np.ravel_multi_index((pose, j, row), (*rows.shape[:2], canvas))
    begins = np.flatnonzero(np.diff(key, prepend=-1))
    filled = np.bitwise_xor.reduceat(masks, begins, axis=0)
    words = np.zeros((len(polygons), len(x), len(y), canvas), np.uint64)
    words[pose[begins], :, j[begins], row[begins]] = filled
    packed = (words >> np.uint64(64 - canvas)).astype(f">u{canvas // 8}")
    return packed.view(np.uint8).reshape(-1, canvas * canvas // 8)


def _snap(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Pixels to whole 1/256 pixels, halves up; rounded first so that the last bit of a cosine does not matter."""
    return np.floor(np.round(SUBPIXELS * positions, 6) + 0.5).astype(np.int64)


def _crossings(rows: NDArray[np.int64], canvas: int) -> tuple[NDArray[np.intp], ...]:
    """Which edge of which polygon (P, Y, V) crosses which line of pixel centres, sorted; the upper end is excluded."""
    middles = (SUBPIXELS * np.arange(canvas) + SUBPIXELS // 2)[:, None]
    start = rows[:, :, None, :]
    end = np.roll(start, -1, axis=3)
    return np.nonzero((start < middles) != (end < middles))


def _right_of(canvas: int) -> NDArray[np.uint64]:
    """Bit masks (canvas + 1,) with all columns from the n-th on, column 0 in the highest of 64 bits."""
    lit = np.arange(canvas) >= np.arange(canvas + 1)[:, None]
    return (lit * (np.uint64(1) << np.arange(63, 63 - canvas, -1, dtype=np.uint64))).sum(axis=1, dtype=np.uint64)
