"""Where things stand on paper, in inches: a head, titled blocks of panels in rows, and a legend below or beside them.

Places are computed, for an automatic layout measures every label of hundreds of axes. matplotlib is imported where it
draws: a finished run is read without it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAD, TITLE, LABEL = 12, 11, 8  # points: the line above a figure, the title of a block, entries of a legend
LINE = 1.25  # a line is so many times as high as its letters
EDGE = 0.15  # inches that stay free at the edge of the paper, and below a head or title
APART = 0.3  # inches between blocks
KEY, ENTRY = 0.5, 0.19  # inches of the mark before an entry of a legend and around it, and of its line
SLANT = 40  # degrees by which names of columns are turned
DPI = 110  # pixels of a picture per inch
NARROWEST, ROOMY = 6.0, 9.0  # inches of paper; those up to which it grows for the sake of a head or a title


class Row(NamedTuple):
    """Panels of one size beside each other, with the room above for their titles and below for their axes; inches."""

    panels: int
    width: float
    height: float
    above: float = 0.3
    below: float = 0.45


class Block(NamedTuple):
    """Rows under one title, such as those of a comparison group."""

    rows: Sequence[Row]
    title: str = ""


class Sides(NamedTuple):
    """Room left of the first panel of a row, between two, and right of the last one; inches."""

    left: float
    between: float = 0.75
    right: float = 0.2


def lay_out(
    blocks: Sequence[Block], head: str, sides: Sides, legend: Sequence[Artist] = (), beside: bool = False
) -> tuple[Figure, list[list[list[Axes]]]]:
    """A figure, and its axes by block and row; the legend stands below the panels, or `beside` them."""
    from matplotlib.figure import Figure

    entry = KEY + width_of((str(one.get_label()) for one in legend), LABEL)
    aside = entry + EDGE if legend and beside else 0.0
    panels_end = max(_right(row, sides) for block in blocks for row in block.rows)
    width = max(_width(blocks, head, sides), panels_end + aside)
    across = 1 if beside else max(1, int((width - 2 * EDGE) / entry))
    listed = ENTRY * -(-len(legend) // across) + EDGE if legend else 0.0
    room = (panels_end if aside else width) - sides.left - EDGE
    blocks = [block._replace(title=wrapped(block.title, room, TITLE, "bold")) for block in blocks]
    head = wrapped(head, width - 2 * EDGE, HEAD)
    above = 2 * EDGE + _height_of(head, HEAD)
    panels = sum(map(_height, blocks)) + APART * (len(blocks) - 1)
    height = above + EDGE + (max(panels, listed) if beside else panels + listed)
    figure = Figure(figsize=(width, height))
    figure.suptitle(head, fontsize=HEAD, y=1 - EDGE / height, va="top")
    if legend:
        top = above + blocks[0].rows[0].above - EDGE if not blocks[0].title else above
        corner = (panels_end / width, 1 - top / height)
        place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": corner} if beside else {"loc": "lower center"}
        figure.legend(handles=legend, ncols=across, frameon=False, fontsize=LABEL, **place)
    return figure, _placed(figure, blocks, height - above, sides)


def _width(blocks: Sequence[Block], head: str, sides: Sides) -> float:
    """Of all panels, or of the head and the titles as far as the paper grows for them; inches."""
    panels = max(_right(row, sides) for block in blocks for row in block.rows)
    titles = sides.left + width_of((block.title for block in blocks), TITLE, "bold") + EDGE
    return max(panels, NARROWEST, min(max(width_of([head], HEAD) + 2 * EDGE, titles), ROOMY))


def _placed(figure: Figure, blocks: Sequence[Block], top: float, sides: Sides) -> list[list[list[Axes]]]:
    """Panels from that height downwards, in the order in which they are read."""
    width, height = figure.get_size_inches()
    found: list[list[list[Axes]]] = []
    for block in blocks:
        if block.title:
            place = (sides.left / width, top / height)
            figure.text(*place, block.title, fontsize=TITLE, fontweight="bold", va="top")
            top -= _height_of(block.title, TITLE) + EDGE
        found.append([])
        for row in block.rows:
            top -= row.above + row.height
            lefts = (sides.left + i * (row.width + sides.between) for i in range(row.panels))
            size = row.width / width, row.height / height
            found[-1].append([figure.add_axes((left / width, top / height, *size)) for left in lefts])
            top -= row.below
        top -= APART
    return found


def _right(row: Row, sides: Sides) -> float:
    return sides.left + row.panels * row.width + (row.panels - 1) * sides.between + sides.right


def _height(block: Block) -> float:
    rows = sum(row.above + row.height + row.below for row in block.rows)
    return rows + (_height_of(block.title, TITLE) + EDGE if block.title else 0.0)


def _height_of(words: str, points: float) -> float:
    return LINE * points / 72 * len(words.split("\n"))


def width_of(words: Iterable[str], points: float, weight: str = "normal") -> float:
    """Inches of the longest of these lines of text."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=points, weight=weight)
    lines = {line for one in words for line in one.split("\n")}
    return max((text_to_path.get_text_width_height_descent(line, font, False)[0] / 72 for line in lines), default=0.0)


def room_above(titles: Iterable[str], points: float = 10) -> float:
    """Inches above a row for the titles of its panels."""
    return max(_height_of(title, points) for title in titles) + 0.12


def slanted(words: Iterable[str], points: float) -> float:
    """Inches that names of columns need below a panel, and left of the first column."""
    return width_of(words, points) * math.sin(math.radians(SLANT)) + LINE * points / 72


def wrapped(text: str, inches: float, points: float, weight: str = "normal") -> str:
    """The text in lines of at most that width; a longer word has a line of its own."""
    lines = list[str]()
    for line in text.split("\n"):
        lines.append("")
        for word in line.split(" "):
            longer = f"{lines[-1]} {word}".lstrip(" ")
            if lines[-1] and width_of([longer], points, weight) > inches:
                lines.append(word)
            else:
                lines[-1] = longer
    return "\n".join(lines)


def in_rows(count: int, across: int) -> list[int]:
    """How many of `count` panels each row has; all but the last are full."""
    return [min(across, count - start) for start in range(0, count, across)]
