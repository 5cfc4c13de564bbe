"""A heading with its items, the same on every page of a report."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """An item has one line or two."""

    title: str
    lines: list[str]
