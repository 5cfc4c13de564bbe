"""The columns of tables, from what scores declare of themselves, and what comparison groups are called there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.reporting.ranking import codes_in, natural
from benchmark.reporting.tables import labels
from benchmark.reporting.text import shortened
from benchmark.store.names import metric_and_code
from metrics.core import AMORTISED
from metrics.declared import Declared, declared, in_order, title_of

PSEUDO = "no likelihood of these data"
MEASURES = {"counting": "counting measure", "lebesgue": "Lebesgue measure", "pseudo-nats": f"pseudo-nats: {PSEUDO}"}


@dataclass(frozen=True)
class Column:
    """One column of one comparison group."""

    score: Declared
    representation: str
    num_labels: int | None
    unit: str
    better: str
    readout: str = AMORTISED

    @property
    def title(self) -> str:
        arrow = {"higher": " ↑", "lower": " ↓"}.get(self.better, "")
        return self.score.title + arrow

    @property
    def detail(self) -> str:
        codes = f"{self.representation} codes" if self.representation else ""
        readout = f"{self.readout} q" if self.readout != AMORTISED else ""
        labels = f"{self.num_labels} labels" if self.num_labels else ""
        return ", ".join(filter(None, (codes, readout, labels)))

    @property
    def shown_unit(self) -> str:
        """The unit, unless the title has said it."""
        return "" if self.unit.lower() in self.score.title.lower() else self.unit

    @property
    def legend(self) -> str:
        direction = {"higher": "higher is better", "lower": "lower is better"}.get(self.better, "no direction")
        meaning, unit = self.score.meaning, self.unit
        if unit == "pseudo-nats":  # the formula holds, what it says about log p(x) does not
            meaning, unit = meaning.split(", ")[0], f"{unit}: {PSEUDO}"
        said = f"`{self.score.name}`: {meaning or self.score.title} ({', '.join(filter(None, (unit, direction)))})"
        how = "" if unit.startswith("pseudo") else self.score.reading
        how = how.removeprefix(f"{direction}; ").removesuffix(f"; {direction}")
        return f"{said}; {how}" if how else said

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a tidy table or leaderboard that belong to this column."""
        rows = frame[frame["metric"] == self.score.name]  # few of all, and texts take long to compare
        budget = rows["num_labels"].isna() if self.num_labels is None else rows["num_labels"].eq(self.num_labels)
        same = (rows["representation"] == self.representation) & (rows["readout"] == self.readout)
        return rows[same & budget.fillna(False).astype(bool) & (rows["factor"] == "")]


def headline_rows(frame: pd.DataFrame, main: bool = False, chosen: Sequence[str] = ()) -> pd.DataFrame:
    """What pages (or with `main` figures) show of a full table or leaderboard, with a column `label`.

    `chosen` names scores ("elbo", "linear_probe_accuracy[mean]") that are shown instead.
    """
    of = {name: declared(name) for name in frame["metric"].unique()}
    known = [name for name, score in of.items() if score and score.column and (score.drawn or not main)]
    known = [metric_and_code(name)[0] for name in chosen] or known
    rows = frame[frame["metric"].isin(known) & (frame["factor"] == "")]
    scored = frame.loc[frame["metric"] != "", ["reference", "model"]]
    return rows.assign(label=labels(rows, among=scored))


def columns(board: pd.DataFrame, chosen: Sequence[str] = ()) -> list[Column]:
    """The headline columns that the rows of one comparison group have, at the largest number of labels.

    With `chosen` those of these scores alone, in their order; one that is not declared is called by its name.
    """
    if chosen:
        return [column for name in chosen for column in _chosen(board, name)]
    names, measured = sorted(board["metric"].unique(), key=natural), set(board.loc[board["mean"].notna(), "metric"])
    known = [score for score in map(declared, names) if score and score.column and score.unless not in measured]
    return [
        _column(score, readout, code, rows)
        for score in in_order(known)
        for rows in [board[board["metric"] == score.name]]
        for readout, code in _codes(score, rows)
    ]


def check_chosen(frame: pd.DataFrame, chosen: Sequence[str]) -> None:
    """ValueError for a chosen column that no run has."""
    known = set(frame.loc[frame["factor"] == "", "metric"].unique()) - {""}
    for name in chosen:
        if metric_and_code(name)[0] not in known:
            raise ValueError(
                f"columns={name}: no run has this score; there are {', '.join(sorted(known, key=natural))}"
            )


def _chosen(board: pd.DataFrame, name: str) -> list[Column]:
    metric, code = metric_and_code(name)
    rows = board[board["metric"] == metric]
    if rows.empty:
        return []
    score = declared(metric) or Declared(metric, title_of(metric), "", "")
    codes = codes_in(rows) if code else _codes(replace(score, every_view=True), rows)
    return [_column(score, *of, rows) for of in codes if not code or code in of]


def _codes(score: Declared, rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Every readout and code that was measured, or only the first code of a readout: a null row alone makes no column
    of its own."""
    measured = rows[rows["mean"].notna()]
    present = codes_in(measured if len(measured) else rows)
    first = dict(reversed(present))
    return present if score.every_view else [(readout, code) for readout, code in present if first[readout] == code]


def _column(score: Declared, readout: str, code: str, rows: pd.DataFrame) -> Column:
    rows = rows[(rows["readout"] == readout) & (rows["representation"] == code)]
    budget = rows["num_labels"].max()
    unit, better = str(rows["unit"].max()), str(rows["better"].max())
    pseudo = unit == "nats" and better and is_pseudo(rows["group"].iloc[0])
    number = None if pd.isna(budget) else int(budget)
    return Column(score, code, number, "pseudo-nats" if pseudo else unit, better, readout)


def is_pseudo(group: str) -> bool:
    """True where the decoder's density is no likelihood of the data, such as a Bernoulli on grey values."""
    return "/pseudo-nats/" in group


def is_counted(group: str) -> bool:
    """True where the decoder gives probabilities of discrete data."""
    return "/counting/" in group


def group_titles(groups: Iterable[str]) -> dict[str, str]:
    """Group -> what people call it; the checksum of the data joins only where two groups would share a name."""
    titles = {group: _group_title(group) for group in groups}
    count = Counter(titles.values())
    return {group: shortened(_group_title(group, count[title] > 1), 120) for group, title in titles.items()}


def _group_title(group: str, checksum: bool = False) -> str:
    if group.count("/") < 3:
        return group
    dataset, binarisation, measure, digest = group.rsplit("/", 3)
    pixels = "no binarisation" if binarisation == "none" else f"{binarisation} binarisation"
    return ", ".join((f"{dataset} ({digest})" if checksum else dataset, pixels, MEASURES.get(measure, measure)))
