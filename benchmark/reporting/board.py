"""A leaderboard as people read it: one wide table of text per comparison group, with its notes and its legend."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from benchmark.reporting.columns import Column, check_chosen, columns, group_titles, headline_rows
from benchmark.reporting.comparing import certain_best
from benchmark.reporting.statistics import decimals
from benchmark.store.published import number

SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_COLUMNS = 16  # scores of one table
Head = tuple[str, str, str]  # title with arrow, detail, unit
FIXED: tuple[Head, ...] = (("rank", "", ""), ("configuration", "", ""), ("seeds", "", ""))


@dataclass(frozen=True)
class Wide:
    """One comparison group: cells are text, **bold** where a difference is certain, ¹ for a note."""

    title: str
    headers: list[Head]
    topics: list[str]
    trained: list[list[str]]
    references: list[list[str]]
    notes: list[str]
    legend: list[str]  # what each column means
    about: str = ""  # what the whole experiment's numbers must be read with

    @property
    def heads(self) -> list[tuple[str, str]]:
        """Title of each column, and what stands below it."""
        return [(title, ", ".join(filter(None, (detail, unit)))) for title, detail, unit in self.headers]


@dataclass
class Notes:
    """The notes of one table, numbered in the order in which they are first needed."""

    lines: list[str] = field(default_factory=list)

    def mark(self, reason: str) -> str:
        """The superscript number of a reason; nothing for no reason."""
        if not reason:
            return ""
        if reason not in self.lines:
            self.lines.append(reason)
        return superscript(self.lines.index(reason) + 1)


def superscript(number: int) -> str:
    """12 as ¹²."""
    return str(number).translate(SUPERSCRIPT)


def wide_tables(board: pd.DataFrame, table: pd.DataFrame, about: str = "", chosen: Sequence[str] = ()) -> list[Wide]:
    """One wide table per comparison group, of a leaderboard and the full table that it came from.

    A group with more than MOST_COLUMNS scores has one for each topic. `chosen` names the scores to show instead of the
    declared columns; ValueError for one that no run has.
    """
    check_chosen(table, chosen)
    board, table = headline_rows(board, chosen=chosen), headline_rows(table, chosen=chosen)
    titles = group_titles(board["group"].unique())
    return [
        _wide(f"{titles[str(group)]}{topic and f': {topic}'}", found, rows, table[table["group"] == group], about)
        for group, rows in board.groupby("group", sort=True)
        for topic, found in _by_topic(columns(rows, chosen))
    ]


def _by_topic(found: list[Column]) -> list[tuple[str, list[Column]]]:
    if len(found) <= MOST_COLUMNS:
        return [("", found)]
    topics = dict.fromkeys(column.score.topic for column in found)
    return [(topic, [column for column in found if column.score.topic == topic]) for topic in topics]


def _wide(title: str, found: list[Column], board: pd.DataFrame, table: pd.DataFrame, about: str) -> Wide:
    order = board.drop_duplicates("label").sort_values(["reference", "rank", "label"]).set_index("label")
    counts = table.groupby("label")["seed"].nunique()
    seeds = {str(name): int(counts[name]) for name in order.index}
    ranks = ["" if value != value else f"{value:.0f}" for value in order["rank"].astype(float)]
    notes = Notes()
    parts = [
        (column.score.topic, head, cells)
        for column in found
        for head, cells in (
            _fill(column, column.of(board), column.of(table), board, seeds, notes),
            *_published(column, column.of(board), seeds, notes),
        )
    ]
    columns_of_text = [ranks, seeds, map(str, seeds.values()), *(cells for _, _, cells in parts)]
    rows = [list(row) for row in zip(*columns_of_text, strict=True)]
    split = int((~order["reference"]).sum())
    heads, topics = [*FIXED, *(head for _, head, _ in parts)], [topic.partition(":")[0] for topic, _, _ in parts]
    legend = [column.legend for column in found]
    return Wide(title, heads, topics, rows[:split], rows[split:], notes.lines, legend, about)


def _fill(
    column: Column,
    means: pd.DataFrame,
    values: pd.DataFrame,
    board: pd.DataFrame,
    seeds: Mapping[str, int],
    notes: Notes,
) -> tuple[Head, list[str]]:
    """The head of a column, and its cell for every configuration.

    What all numbers have in common is noted at the head; a cell has a note of its own only where there is no number, or
    where more is to be said of its number than of the others.
    """
    known = means[means["mean"].notna()]
    best = certain_best(_by_seed(values), column.better) if known["low"].notna().any() else None
    texts = _numbers(known, _digits(known), seeds, best)
    absent = dict.fromkeys(seeds, "not measured in these runs") | _null_reasons(column, board)
    common, others = _ways(known)
    head = (column.title + notes.mark(common), column.detail, column.shown_unit)
    texts = {name: text + notes.mark(others.get(name, "")) for name, text in texts.items()}
    return head, [texts[name] if name in texts else "—" + notes.mark(absent[name]) for name in seeds]


def _ways(known: pd.DataFrame) -> tuple[str, dict[str, str]]:
    """What is said of all numbers of a column, and label -> what is said of those of which there is more to say."""
    said = known["reason"].unique()
    common = min(said, key=len, default="")
    if not all(reason.endswith(common) for reason in said):
        return "", {}
    more = known[known["reason"] != common]
    return common, dict(zip(more["label"], more["reason"], strict=True)) if common else {}


def _published(
    column: Column, means: pd.DataFrame, seeds: Mapping[str, int], notes: Notes
) -> list[tuple[Head, list[str]]]:
    """A column with the numbers of papers right beside ours, if there is one; a note says whose and how made."""
    known = means[means["published"].notna()]
    if known.empty:
        return []
    common = known["published_source"].nunique() == 1
    rows: Any = known.itertuples()
    cells = {
        row.label: number(row.published, row.published_error) + ("" if common else notes.mark(row.published_source))
        for row in rows
    }
    mark = notes.mark(known["published_source"].iloc[0]) if common else ""
    return [(("published" + mark, column.score.title, column.shown_unit), [cells.get(name, "") for name in seeds])]


def _digits(known: pd.DataFrame) -> int:
    """The precision that suits the trained configurations, or the references where nothing was trained."""
    shown = known if known["reference"].all() else known[~known["reference"]]
    return decimals(shown["mean"], shown["high"] - shown["mean"])


def _numbers(known: pd.DataFrame, digits: int, seeds: Mapping[str, int], best: str | None) -> dict[str, str]:
    rows: Any = known.itertuples()
    return {row.label: _number(row, digits, seeds[row.label], row.label == best) for row in rows}


def _number(row: Any, digits: int, seeds: int, best: bool) -> str:
    half = row.high - row.mean
    text = f"{row.mean:.{digits}f}" + (f" ± {half:.{digits}f}" if math.isfinite(half) else "")
    return (f"**{text}**" if best else text) + (f" (n={row.n})" if row.n != seeds else "")


def _by_seed(rows: pd.DataFrame) -> dict[str, dict[int, float]]:
    """label -> seed -> value of the trained configurations."""
    rows = rows[rows["value"].notna() & ~rows["reference"]]
    found: dict[str, dict[int, float]] = defaultdict(dict)
    means = rows.groupby(["label", "seed"], sort=False, as_index=False)["value"].mean()
    for name, seed, value in zip(means["label"], means["seed"], means["value"], strict=True):
        found[name][seed] = value
    return found


def _null_reasons(column: Column, board: pd.DataFrame) -> dict[str, str]:
    """label -> why there is no number; a null score often has no representation, for it has no codes to be of."""
    null = board["mean"].isna() & (board["metric"] == column.score.name)
    null &= board["readout"] == column.readout
    rows = board[null & board["representation"].isin([column.representation, ""])]
    return dict(zip(rows["label"], rows["reason"], strict=True))
