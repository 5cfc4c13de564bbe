"""Wide tables in Markdown and on the terminal, and the whole page and text of a report."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import SEPARATING_LINE, tabulate

from benchmark.reporting import text
from benchmark.reporting.board import Wide, superscript
from benchmark.reporting.latex import document
from benchmark.reporting.sections import Section

DIVIDER = "*references*"
WIDTH = 138  # of the terminal's tables
READING = (
    "Mean ± half-width of the 95 % Student t interval over seeds; ↑ higher is better, ↓ lower is better. Bold (* in "
    "the terminal): the best trained configuration, where its difference to every other one excludes zero at a level "
    "corrected for their number (Bonferroni). Every number is of the test split; reference rows are not ranked."
)


def note_lines(wide: Wide) -> list[str]:
    """The notes of a table, numbered as its cells are."""
    return [f"{superscript(number)} {note}" for number, note in enumerate(wide.notes, 1)]


def markdown(wide: Wide) -> str:
    """The wide table in Markdown, references below the trained configurations."""
    heads = [" ".join(filter(None, (title, f"({about})" if about else ""))) for title, about in wide.heads]
    divider = [["", DIVIDER, *[""] * (len(heads) - 2)]] if wide.references else []
    rows = [_cells(row) for row in (*wide.trained, *divider, *wide.references)]
    lines = [[text.cell(head) for head in heads], ["---:", ":---", *["---:"] * (len(heads) - 2)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: Sequence[str]) -> list[str]:
    """Cells in Markdown: all but the name of the configuration are ours, with their **bold**."""
    rank, name, *cells = row
    return [rank, name if name == DIVIDER else text.cell(name), *cells]


def terminal(wide: Wide) -> str:
    """The wide table in as many stacked blocks as fit the terminal; * marks what is bold elsewhere."""
    rows = [[re.sub(r"\*\*(.+?)\*\*", r"\1*", cell) for cell in row] for row in (*wide.trained, *wide.references)]
    heads = ["\n".join(_wrap(*head)) for head in wide.headers]
    blocks = []
    for chosen in _blocks(wide, heads, rows):
        lines: list[Any] = [[row[i] for i in chosen] for row in rows]
        if wide.trained and wide.references:
            lines.insert(len(wide.trained), SEPARATING_LINE)
        align = ["right", "left", *["right"] * (len(chosen) - 2)]
        heading = [heads[i] for i in chosen]
        blocks.append(tabulate(lines, heading, "simple", disable_numparse=True, colalign=align))
    return "\n\n".join(blocks)


def _wrap(title: str, detail: str, unit: str) -> list[str]:
    """Head lines of some 15 characters, an arrow beside its word."""
    words = re.sub(" (?=[↑↓])", "\u00a0", title), detail
    lines = [textwrap.wrap(part, 15, break_long_words=False) for part in words]
    return [line.replace("\u00a0", " ") for part in lines for line in part] + ([f"[{unit}]"] if unit else [])


def _blocks(wide: Wide, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Columns that fit beside rank, configuration and seeds; bounds and representation part where all do not fit."""
    lines = [[*(f"{line}  " for line in head.split("\n")), *(row[i] for row in rows)] for i, head in enumerate(heads)]
    width, fixed = [2 + max(map(len, column)) for column in lines], [0, 1, 2]  # tabulate pads a head by two
    whole = sum(width) <= WIDTH
    blocks, used = [list(fixed)], sum(width[:3])
    for i, topic in enumerate(wide.topics, start=3):
        parts = not whole and i > 3 and topic != wide.topics[i - 4]
        if len(blocks[-1]) > 3 and (parts or used + width[i] > WIDTH):
            blocks, used = [*blocks, list(fixed)], sum(width[:3])
        blocks[-1].append(i)
        used += width[i]
    return blocks


@dataclass(frozen=True)
class Page:
    """A whole report: its folder's name, what it is ranked by, the tables, the names of the figures, the sections."""

    name: str
    ranked_by: str
    wides: Sequence[Wide]
    figures: Sequence[str]
    sections: Sequence[Section]

    @property
    def reading(self) -> str:
        """How to read the tables."""
        return f"Ranked by {self.ranked_by}. {READING}"

    def markdown(self) -> str:
        """What leaderboard.md holds."""
        rebuild = text.code(shlex.join(["python", "-m", "benchmark.report", self.name]))
        parts = [f"# {text.markdown(self.name)}", text.markdown(self.reading), f"Rebuild this page: {rebuild}"]
        parts += [f"![{figure.replace('_', ' ')}]({figure}.png)" for figure in self.figures]
        for title, lines in self.sections:
            parts += [f"## {title}", "\n".join(f"- {_item(line)}" for line in lines)]
        for wide in self.wides:
            notes = "<br>\n".join(map(text.markdown, note_lines(wide)))
            parts += [f"## {text.markdown(wide.title)}", text.markdown(wide.about), markdown(wide), notes]
        legend = dict.fromkeys(f"- {_meaning(line)}" for wide in self.wides for line in wide.legend)
        return "\n\n".join(filter(None, [*parts, "## What the columns mean", "\n".join(legend)])) + "\n"

    def latex(self) -> str:
        """What leaderboard.tex holds."""
        return document(self.wides, self.name)

    def terminal(self) -> str:
        """What is printed: tables first, for the end of a long output is what stays in sight."""
        parts = ["\n".join([*_heading(wide), terminal(wide), *note_lines(wide)]) for wide in self.wides]
        parts.append(textwrap.fill(self.reading, WIDTH))
        parts += [f"{title}\n" + "\n".join(map(_wrapped, lines)) for title, lines in self.sections]
        return "\n".join(map(text.plain, "\n\n".join(parts).split("\n")))


def _heading(wide: Wide) -> list[str]:
    return [wide.title, *textwrap.wrap(text.plain(wide.about), WIDTH), ""]


def _wrapped(item: str) -> str:
    """An item of a section on the terminal; a line with a command is never broken, for it is to be copied."""
    lines = ((line, len(line) - len(line.lstrip()) + 2) for line in item.split("\n"))
    return "\n".join(
        " " * indent + line.lstrip() if "python -m" in line
        else textwrap.fill(line.lstrip(), WIDTH, initial_indent=" " * indent, subsequent_indent=" " * max(indent, 6),
                           break_long_words=False, break_on_hyphens=False)
        for line, indent in lines
    )  # fmt: skip


def _item(line: str) -> str:
    """A line of a section in Markdown; a verdict is bold."""
    line = "\n".join(map(text.markdown, line.split("\n")))
    line = re.sub(r"^(held|contradicted|undecided|unchecked) +(.+?) {2,}", r"**\1** \2: ", line)
    return re.sub(r"\n +", r"<br>\n  ", line)


def _meaning(line: str) -> str:
    """A line of the legend in Markdown: the name of its score is code."""
    _, name, words = line.split("`", 2)
    return f"{text.code(name)}{text.markdown(words)}"
