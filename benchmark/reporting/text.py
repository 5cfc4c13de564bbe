"""Words of users and of records, made fit for a terminal, a table, Markdown: one line, nothing in it acts."""

from __future__ import annotations

import functools
import re

UNKNOWN = "?"  # stands where a character cannot be shown
# what Markdown or HTML would act on: an underscore where it could begin or end a word, what makes a bare link
ACTING = re.compile(r"[\\`*\[\]<>&~$#]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.", re.IGNORECASE)
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", ":": "&#58;", ".": "&#46;"}


@functools.lru_cache(maxsize=2**16)
def plain(text: str) -> str:
    """The text on one line, without control characters, marks of direction, and what is no character."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else " " if sign.isspace() else UNKNOWN


def markdown(text: str) -> str:
    """Plain text that Markdown shows as it is: no markup, no HTML, no link."""
    return ACTING.sub(lambda found: ENTITIES.get(found[0], f"\\{found[0]}"), plain(text))


def cell(text: str) -> str:
    """Plain text in a table in Markdown."""
    return markdown(text).replace("|", "\\|")


def code(text: str) -> str:
    """Plain text as code in Markdown, whatever backticks it has."""
    line = plain(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def shortened(text: str, width: int = 60) -> str:
    """The text, or its begin and end where it is longer than that."""
    return text if len(text) <= width else f"{text[: width // 2]}…{text[-(width // 2 - 1) :]}"
