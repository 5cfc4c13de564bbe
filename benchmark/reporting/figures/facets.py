"""Small panels, a facet per score: how many stand in a row, how wide they are, what stands above them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.drawing.layout import Row, room_above
from benchmark.reporting.columns import Column

FACET, ACROSS = 2.5, 4  # inches wide, facets in a row


def facet_rows(found: Sequence[Column]) -> list[Sequence[Column]]:
    """The columns of a leaderboard in rows of facets."""
    return [found[i : i + ACROSS] for i in range(0, len(found), ACROSS)]


def facet_room(row: Sequence[Column], height: float) -> Row:
    """The room of facets of that height, inches."""
    return Row(len(row), FACET, height, room_above(map(facet_title, row)))


def facet_title(column: Column) -> str:
    """A score, its codes and its number of labels on two lines."""
    return f"{column.title}\n{column.detail}" if column.detail else column.title
