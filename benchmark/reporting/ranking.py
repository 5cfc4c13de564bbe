"""What a leaderboard is sorted by, and the rank of each trained configuration in its comparison group."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from benchmark.reporting.statistics import ranks
from benchmark.store.names import metric_and_code
from metrics.core import AMORTISED, VIEWS
from metrics.declared import declared

CONFIGURATION = ("dataset", "group", "model", "objective", "varied", "reference")
WHICH = ("", *VIEWS)  # codes that a column may be of, in order


@dataclass(frozen=True)
class RankKey:
    """What a leaderboard is sorted by, and how that came about."""

    metric: str = ""
    representation: str = ""
    note: str = ""
    readout: str = AMORTISED

    def __str__(self) -> str:
        code = self.representation or (self.readout if self.readout != AMORTISED else "")
        key = f"{self.metric}[{code}]" if code else self.metric
        return f"{key or 'nothing'}{self.note}"


def rank_key(table: pd.DataFrame, rank_by: str | None = None) -> RankKey:
    """`rank_by` ("elbo", "linear_probe_accuracy[mean]", "elbo[optimised]") if a run has it, else what sorts first of
    what one has by the encoder's own readout."""
    known = table[(table["better"] != "") & table["value"].notna() & (table["factor"] == "")]
    known = known.drop_duplicates(["metric", "representation", "readout"])
    own = known[known["readout"] == AMORTISED]
    pairs = set(zip(own["metric"], own["representation"], strict=True))
    metric, code = metric_and_code(rank_by or "")
    note = f" (no run has {rank_by!r} with a direction)" if rank_by else " (the default, no rank_by was given)"
    asked = (
        RankKey(metric, which, readout=readout)
        for readout, which in codes_in(known[known["metric"] == metric])
        if (code in (which, readout) if code else readout == AMORTISED)
    )
    places = {name: score.sorts if (score := declared(name)) else 0 for name, _ in pairs}
    default = (
        RankKey(name, which, note)
        for place in sorted(set(places.values()) - {0})
        for which in WHICH
        for name, of in sorted(pairs, key=lambda pair: natural(pair[0]), reverse=True)
        if of == which and places[name] == place
    )
    return next(asked, next(default, RankKey(note=" (no score has a direction)")))


def codes_in(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """The readouts and views of the codes that rows are of, the encoder's own first."""
    return codes_of(set(zip(rows["readout"], rows["representation"], strict=True)))


def codes_of(there: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of these readouts and views those of codes, the encoder's own first."""
    readouts = sorted({readout for readout, _ in there}, key=lambda name: (name != AMORTISED, name))
    return [(readout, which) for readout in readouts for which in WHICH if (readout, which) in there]


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which iwae_5 comes before iwae_100."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def ranked(board: pd.DataFrame, key: RankKey) -> pd.DataFrame:
    """The board with the rank of each trained configuration; references keep none."""
    board["rank"] = pd.Series(pd.NA, index=board.index, dtype="Int64")
    rankable = board[(board["metric"] == key.metric) & (board["representation"] == key.representation)]
    rankable = rankable[rankable["readout"] == key.readout]
    rankable = rankable[(rankable["factor"] == "") & ~rankable["reference"] & rankable["mean"].notna()]
    for _, rows in rankable.groupby("group", sort=False):
        rows = rows[rows["num_labels"].fillna(-1) == rows["num_labels"].fillna(-1).max()]
        found = pd.Series(ranks(rows["mean"], rows["better"].max()), index=_configuration(rows))
        at = board["group"] == rows["group"].iloc[0]
        board.loc[at, "rank"] = _configuration(board[at]).map(found).astype("Int64").to_numpy()
    return board


def _configuration(frame: pd.DataFrame) -> pd.Series:
    return pd.Series(list(zip(*(frame[name] for name in CONFIGURATION), strict=True)), index=frame.index, dtype=object)
