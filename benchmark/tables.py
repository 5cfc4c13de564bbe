"""Records to tables: a tidy row per score, a leaderboard per comparison group; values keep the unit of their score."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmark.claims import error_line
from benchmark.record import Record
from benchmark.statistics import half_widths, ranks

RUN = ("run", "experiment", "dataset", "model", "objective", "varied", "seed")
SCORE = ("representation", "factor", "num_labels", "metric", "value", "stderr", "unit", "better", "status", "reason")
COLUMNS = (*RUN, *SCORE)
HIDDEN = ("group", "reference", "beta")
CONFIGURATION = ("dataset", "group", "model", "objective", "varied", "reference")
KEYS = (*CONFIGURATION, "representation", "factor", "num_labels", "metric")
BOARD = (*KEYS, "unit", "better", "mean", "low", "high", "n", "rank", "reason")
NOT_COMPARED = ("seed", "data_checksum", "metrics")
WHICH = ("", "mean", "sample", "q_ew")


class Headline(NamedTuple):
    """A metric that deserves a column: its name as a pattern, its words, and whether every code is shown."""

    pattern: str
    title: str
    meaning: str
    topic: str
    every_code: bool = False

    def matches(self, metric: str) -> bool:
        return re.fullmatch(self.pattern, metric) is not None


HEADLINES = (
    Headline("rate", "rate", "E KL(q(z|x) || p(z)), what the code costs per example", "bound"),
    Headline("exact_rate", "exact rate", "the closed form at the optimum", "bound"),
    Headline("distortion", "distortion", "-E log p(x|z), what the decoder still misses", "bound"),
    Headline("exact_distortion", "exact distortion", "the closed form at the optimum", "bound"),
    Headline("elbo", "ELBO", "-(rate + distortion), a lower bound on log p(x)", "bound"),
    Headline("exact_elbo", "exact ELBO", "the closed form at the optimum", "bound"),
    Headline(r"iwae_(\d+)", "IWAE", "log-mean of that many importance weights, a tighter bound on log p(x)", "bound"),
    Headline("exact_log_evidence", "exact log evidence", "E log p(x) in closed form, above every bound", "bound"),
    Headline("active_units", "active units", "latent dimensions with Var_x E[z|x] > 0.01", "bound"),
    Headline("exact_active_units", "exact active units", "the closed form at the optimum", "bound"),
    Headline("mutual_information", "mutual information", "I(x;z) under the encoder; an estimate from N points "
             "cannot exceed log N", "bound"),
    Headline("linear_probe_accuracy", "linear probe accuracy", "test accuracy of a linear classifier on the codes, "
             "mean over factors; 1 is perfect", "representation", True),
    Headline("linear_probe_r2", "linear probe R2", "explained variance of a linear regression from the codes, "
             "mean over factors; 1 is perfect, 0 is chance", "representation", True),
    Headline("mig_hist", "MIG", "gap between the two codes that know most about each factor; 1 is one code per factor, "
             "0 is none", "representation"),
    Headline(r"dci_(\w+)_disentanglement", "DCI disentanglement", "how few factors each code matters for; 1 is one "
             "factor per code", "representation"),
    Headline("beta_vae_score", "beta-VAE score", "accuracy of naming the factor held fixed from differences of codes; "
             "1 is perfect", "representation"),
)  # fmt: skip
RANK_ORDER = (r"iwae_\d+", "elbo", "linear_probe_accuracy", "linear_probe_r2", "mig_hist", r"dci_\w+_disentanglement")


@dataclass(frozen=True)
class RankKey:
    """What a leaderboard is sorted by, and how that came about."""

    metric: str = ""
    representation: str = ""
    note: str = ""

    def __str__(self) -> str:
        key = f"{self.metric}[{self.representation}]" if self.representation else self.metric
        return f"{key or 'nothing'}{self.note}"


@dataclass(frozen=True)
class Column:
    """One headline column of one comparison group."""

    headline: Headline
    metric: str
    representation: str
    num_labels: int | None
    unit: str
    better: str

    @property
    def title(self) -> str:
        arrow = {"higher": " ↑", "lower": " ↓"}.get(self.better, "")
        numbers = "".join(f"-{found}" for found in re.findall(r"iwae_(\d+)", self.metric))
        return f"{self.headline.title}{numbers}{arrow}"

    @property
    def detail(self) -> str:
        codes = f"{self.representation} codes" if self.representation else ""
        labels = f"{self.num_labels} labels" if self.num_labels else ""
        return ", ".join(filter(None, (codes, labels)))

    @property
    def shown_unit(self) -> str:
        """The unit, unless the title has said it."""
        return "" if self.unit.lower() in self.headline.title.lower() else self.unit

    @property
    def legend(self) -> str:
        direction = {"higher": "higher is better", "lower": "lower is better"}.get(self.better, "no direction")
        return f"`{self.metric}`: {self.headline.meaning} ({', '.join(filter(None, (self.unit, direction)))})"

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a tidy table or leaderboard that belong to this column."""
        same = (frame["metric"] == self.metric) & (frame["representation"] == self.representation)
        budget = frame["num_labels"].isna() if self.num_labels is None else frame["num_labels"].eq(self.num_labels)
        return frame[same & budget.fillna(False).astype(bool) & (frame["factor"] == "")]


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested options as ("objective.beta", 4.0) pairs."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def varied(records: Sequence[Record]) -> list[str]:
    """For each record, the options that vary among its peers, such as "beta=4, latent_dim=10"."""
    options = [_options(record) for record in records]
    seen: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for record, flat in zip(records, options, strict=True):
        for key, value in flat.items():
            seen[_cohort(record, key)][key, value] += 1
    size = Counter(cohort for record in records for cohort in {_cohort(record, key) for key in _parts(record)})
    varying = {(cohort, key) for cohort, pairs in seen.items() for (key, _), n in pairs.items() if n < size[cohort]}
    leaves = Counter(key.rsplit(".")[-1] for key in {key for _, key in varying})
    return [
        ", ".join(f"{_short(key, leaves)}={value}" for key, value in flat.items() if (_cohort(r, key), key) in varying)
        for r, flat in zip(records, options, strict=True)
    ]


def _parts(record: Record) -> list[str]:
    return [key for key, value in record.config.items() if key not in NOT_COMPARED and value is not None]


def _options(record: Record) -> dict[str, str]:
    return {key: _text(value) for key, value in flatten({part: record.config[part] for part in _parts(record)})}


def _cohort(record: Record, key: str) -> tuple[str, str]:
    """Whom an option is compared with: runs of the same choice, or all trained runs for the trainer."""
    part = key.split(".")[0]
    return part, record.choices.get(part, "") if part in ("dataset", "model", "objective") else ""


def _short(key: str, leaves: Mapping[str, int]) -> str:
    leaf = key.rsplit(".")[-1]
    return leaf if leaves[leaf] == 1 else key


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def full_table(records: Sequence[tuple[Path, Record]]) -> pd.DataFrame:
    """The tidy table with the hidden columns group, reference and beta beside it; text that is absent is ""."""
    words = varied([record for _, record in records])
    rows = [row for (folder, record), word in zip(records, words, strict=True) for row in _rows(folder, record, word)]
    table = pd.DataFrame(rows, columns=pd.Index([*COLUMNS, *HIDDEN]))
    return table.astype({"value": float, "stderr": float, "num_labels": "Int64", "beta": float, "reference": bool})


def scores_table(records: Sequence[tuple[Path, Record]]) -> pd.DataFrame:
    """One row per score, in exactly the columns of scores.csv; a failed run is one row with its error as reason."""
    return full_table(records)[list(COLUMNS)]


def _rows(folder: Path, record: Record, word: str) -> Iterator[tuple[Any, ...]]:
    names = [record.choices.get(key, "") for key in ("experiment", "dataset", "model", "objective")]
    head = (folder.name, *names, word, record.config.get("seed", 0))
    hidden = (record.group, record.reference, _beta(record))
    if record.status == "failed" or not record.scores:
        yield (*head, "", "", None, "", None, None, "", "", record.status, error_line(record), *hidden)
        return
    for s in record.scores:
        measured = (s.num_labels, s.name, s.value, s.stderr, s.unit, s.better or "", record.status, s.reason)
        yield (*head, s.representation or "", s.factor or "", *measured, *hidden)


def _beta(record: Record) -> float | None:
    if record.choices.get("objective") == "elbo":
        return 1.0
    beta = (record.config.get("objective") or {}).get("beta")
    return float(beta) if isinstance(beta, int | float) else None


def leaderboard(table: pd.DataFrame, rank_by: str | None = None) -> pd.DataFrame:
    """Mean and 95 % t interval over seeds for each configuration and score of a full table, ranked in its group."""
    scored = table[table["metric"] != ""]
    words = {name: (name, "max") for name in ("unit", "better", "reason")}
    seeds = scored.groupby([*KEYS, "seed"], dropna=False, sort=False).agg(value=("value", "mean"), **words)
    over = seeds.reset_index().groupby(list(KEYS), dropna=False, sort=False)
    board = over.agg(mean=("value", "mean"), std=("value", "std"), n=("value", "count"), **words).reset_index()
    half = half_widths(board.pop("std").to_numpy(dtype=float), board["n"].to_numpy())
    board["low"], board["high"] = board["mean"] - half, board["mean"] + half
    return _ranked(board, rank_key(table, rank_by))[list(BOARD)]


def rank_key(table: pd.DataFrame, rank_by: str | None = None) -> RankKey:
    """`rank_by` ("elbo", "linear_probe_accuracy[mean]") if a run has it, else the first of RANK_ORDER that one has."""
    known = table[(table["better"] != "") & table["value"].notna() & (table["factor"] == "")]
    pairs = set(zip(known["metric"], known["representation"], strict=True))
    metric, _, code = (rank_by or "").removesuffix("]").partition("[")
    note = f" (no run has {rank_by!r} with a direction)" if rank_by else " (the default, no rank_by was given)"
    asked = (RankKey(metric, which) for which in ([code] if code else WHICH) if (metric, which) in pairs)
    default = (
        RankKey(name, which, note)
        for pattern in RANK_ORDER
        for which in WHICH
        for name, of in sorted(pairs, key=lambda pair: natural(pair[0]), reverse=True)
        if of == which and re.fullmatch(pattern, name)
    )
    return next(asked, next(default, RankKey(note=" (no score has a direction)")))


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which iwae_5 comes before iwae_100."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _ranked(board: pd.DataFrame, key: RankKey) -> pd.DataFrame:
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


def labels(frame: pd.DataFrame) -> pd.Series:
    """What a row is called in tables and figures: "beta_vae beta=4", with its model if there are several; "pca"."""
    several = frame.loc[~frame["reference"], "model"].nunique() > 1
    named = (frame["reference"] | several) & (frame["model"] != "")
    objective = frame["objective"].where(~(frame["reference"] & (frame["objective"] == "none")), "")
    words = (
        objective + (" " + frame["model"]).where(named, "") + (" " + frame["varied"]).where(frame["varied"] != "", "")
    )
    return words.str.strip()


def headline_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """What pages and figures show of a full table or leaderboard, with a column `label`."""
    known = [name for name in frame["metric"].unique() if any(headline.matches(name) for headline in HEADLINES)]
    rows = frame[frame["metric"].isin(known) & (frame["factor"] == "")]
    return rows.assign(label=labels(frame[frame["metric"] != ""])[rows.index])


def columns(board: pd.DataFrame) -> list[Column]:
    """The headline columns that the rows of one comparison group have, at the largest number of labels."""
    names = sorted(board["metric"].unique(), key=natural)
    return [
        _column(headline, metric, code, rows)
        for headline in HEADLINES
        for metric in filter(headline.matches, names)
        for rows in [board[board["metric"] == metric]]
        for code in _codes(headline, rows)
    ]


def _codes(headline: Headline, rows: pd.DataFrame) -> list[str]:
    """Every code that was measured, or only the first: a null row alone makes no column of its own."""
    measured = rows[rows["mean"].notna()]
    present = [code for code in WHICH if code in set((measured if len(measured) else rows)["representation"])]
    return present if headline.every_code else present[:1]


def _column(headline: Headline, metric: str, code: str, rows: pd.DataFrame) -> Column:
    rows = rows[rows["representation"] == code]
    budget = rows["num_labels"].max()
    unit, better = str(rows["unit"].max()), str(rows["better"].max())
    pseudo = unit == "nats" and better and rows["group"].str.contains("pseudo-nats").any()
    number = None if pd.isna(budget) else int(budget)
    return Column(headline, metric, code, number, "pseudo-nats" if pseudo else unit, better)
