"""What a leaderboard is sorted by, and the rank of each trained configuration in its comparison group."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from benchmark.reporting.statistics import ranks
from benchmark.store.names import metric_and_code
from metrics.declared import declared

CONFIGURATION = ("dataset", "group", "model", "objective", "varied", "reference")
WHICH = ("", "mean", "sample", "q_ew")


@dataclass(frozen=True)
class RankKey:
    """What a leaderboard is sorted by, and how that came about."""

    metric: str = ""
    representation: str = ""
    note: str = ""

    def __str__(self) -> str:
        key = f"{self.metric}[{self.representation}]" if self.representation else self.metric
        return f"{key or 'nothing'}{self.note}"


def rank_key(table: pd.DataFrame, rank_by: str | None = None) -> RankKey:
    """`rank_by` ("elbo", "linear_probe_accuracy[mean]") if a run has it, else what sorts first of what one has."""
    known = table[(table["better"] != "") & table["value"].notna() & (table["factor"] == "")]
    pairs = set(zip(known["metric"], known["representation"], strict=True))
    metric, code = metric_and_code(rank_by or "")
    note = f" (no run has {rank_by!r} with a direction)" if rank_by else " (the default, no rank_by was given)"
    asked = (RankKey(metric, which) for which in ([code] if code else WHICH) if (metric, which) in pairs)
    places = {name: score.sorts if (score := declared(name)) else 0 for name, _ in pairs}
    default = (
        RankKey(name, which, note)
        for place in sorted(set(places.values()) - {0})
        for which in WHICH
        for name, of in sorted(pairs, key=lambda pair: natural(pair[0]), reverse=True)
        if of == which and places[name] == place
    )
    return next(asked, next(default, RankKey(note=" (no score has a direction)")))


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which iwae_5 comes before iwae_100."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def ranked(board: pd.DataFrame, key: RankKey) -> pd.DataFrame:
    """The board with the rank of each trained configuration; references keep none."""
    board["rank"] = pd.Series(pd.NA, index=board.index, dtype="Int64")
    rankable = board[(board["metric"] == key.metric) & (board["representation"] == key.representation)]
    rankable = rankable[(rankable["factor"] == "") & ~rankable["reference"] & rankable["mean"].notna()]
    for _, rows in rankable.groupby("group", sort=False):
        rows = rows[rows["num_labels"].fillna(-1) == rows["num_labels"].fillna(-1).max()]
        found = pd.Series(ranks(rows["mean"], rows["better"].max()), index=_configuration(rows))
        at = board["group"] == rows["group"].iloc[0]
        board.loc[at, "rank"] = _configuration(board[at]).map(found).astype("Int64").to_numpy()
    return board


def _configuration(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(list(zip(*(frame[name] for name in CONFIGURATION), strict=True)), index=frame.index, dtype=object)
