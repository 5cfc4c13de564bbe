"""Records to tables: a tidy row per score, a leaderboard per comparison group; values keep the unit of their score."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmark.reporting.ranking import CONFIGURATION, rank_key, ranked
from benchmark.reporting.statistics import half_widths
from benchmark.reporting.text import plain
from benchmark.store.groups import HEADS
from benchmark.store.published import Published
from benchmark.store.record import Record
from metrics.core import Score
from metrics.udr import NAMES as OF_SEVERAL_SEEDS

RUN = ("run", "experiment", "dataset", "model", "objective", "varied", "seed")
OF = ("readout", "representation", "factor", "num_labels")
SCORE = (*OF, "metric", "value", "stderr", "unit", "better", "status", "reason")
COLUMNS = (*RUN, *SCORE)
PUBLISHED = ("published", "published_error", "published_source")
FLOATS = ("value", "stderr", *PUBLISHED[:2])
TEXTS = ("unit", "better", "reason", PUBLISHED[2])  # the same for all seeds, or the first that is not empty
HIDDEN = ("group", "reference", "options", *PUBLISHED)
HEAD = (*RUN, "status", *HIDDEN[:3])  # what all rows of a run have
KEYS = (*CONFIGURATION, *OF, "metric")
BOARD = (*KEYS, "unit", "better", "mean", "low", "high", "n", "rank", "reason", *PUBLISHED)
CHOSEN = ("dataset", "model", "objective", *HEADS)  # whose options are compared within one choice
NOT_COMPARED = ("seed", "data_checksum", "metrics", "readouts")


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested options as ("objective.beta", 4.0) pairs."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def varied(records: Sequence[Record]) -> list[dict[str, Any]]:
    """For each record, the options that vary among its peers or tell its method apart: {"objective.beta": 4.0}."""
    options = [_options(record) for record in records]
    seen: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for record, flat in zip(records, options, strict=True):
        for key, value in flat.items():
            seen[_cohort(record, key)][key, _text(value)] += 1
    size = Counter(cohort for record in records for cohort in {_cohort(record, key) for key in _parts(record)})
    varying = {(cohort, key) for cohort, pairs in seen.items() for (key, _), n in pairs.items() if n < size[cohort]}
    shown = [
        {key for key in flat if (_cohort(r, key), key) in varying} | _strength(r, varying)
        for r, flat in zip(records, options, strict=True)
    ]
    return [
        {key: value for key, value in flat.items() if key in keys} for flat, keys in zip(options, shown, strict=True)
    ]


def short_names(keys: Iterable[str]) -> dict[str, str]:
    """Option -> what it is called: the last part of its name, "beta", the whole one where two options share that."""
    leaves = {key: key.rsplit(".")[-1] for key in keys}
    count = Counter(leaves.values())
    return {key: leaf if count[leaf] == 1 else key for key, leaf in leaves.items()}


def worded(options: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Options on one line: "beta=4, latent_dim=10"."""
    return plain(", ".join(f"{names[key]}={_text(value)}" for key, value in options.items()))


def _strength(record: Record, varying: Collection[tuple[tuple[str, str], str]]) -> set[str]:
    """The option that tells a method from others also where it does not vary, such as beta=4.

    It is the objective's first number that changes something, neither 0 nor 1, or that varies: beside beta = 4 that of
    beta = 1 is beta, and not the number behind it.
    """
    for key, value in (record.config.get("objective") or {}).items():
        name = f"objective.{key}"
        if (_cohort(record, name), name) in varying:
            return set()  # which is shown anyway
        if type(value) in (int, float) and value not in (0, 1):
            return {name}
    return set()


def _parts(record: Record) -> list[str]:
    parts = [key for key, value in record.config.items() if key not in NOT_COMPARED and value is not None]
    return [*parts, *HEADS, *(f"{head}." for head in HEADS)]


def _options(record: Record) -> dict[str, Any]:
    """Options by their keys; a head that is not what its model once had by the name of the choice, prior=mixture."""
    named = {f"{head}._target_": head for head in HEADS}
    options = dict(flatten({part: record.config[part] for part in _parts(record) if part in record.config}))
    names = {key: record.choices[head] for key, head in named.items() if key in options}
    found = {named.get(key, key): names.get(key, value) for key, value in options.items()}
    return _with_likelihood(record, found)


def _with_likelihood(record: Record, options: dict[str, Any]) -> dict[str, Any]:
    """Options whose likelihood is called by its choice also where an identity has it as an option of the model."""
    kind = options.pop("model.likelihood", None)
    if kind is None:
        return options
    variance = options.pop("model.sigma2", None)
    own = {"likelihood.variance": variance} if kind != "bernoulli" else {}
    return {**options, "likelihood": record.choices.get("likelihood", kind), **own}


def _cohort(record: Record, key: str) -> tuple[str, str]:
    """Whom an option is compared with: runs of the same choice, all trained runs for the trainer; a head with those of
    other runs that are alike but for their heads."""
    part, dot, _ = key.partition(".")
    if part in HEADS and not dot:
        return part, f"{record.choices.get('model', '')} {record.choices.get('objective', '')}"
    return part + dot * (part in HEADS), record.choices.get(part, "") if part in CHOSEN else ""


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def full_table(
    records: Sequence[tuple[Path, Record]],
    published: Sequence[Published] = (),
    damaged: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """The tidy table with the HIDDEN columns beside it; text that is absent is "", and what is shown is printable.

    A failed run is one row with its error as reason, a damaged one (name of its folder -> why) likewise.
    """
    options = varied([record for _, record in records])
    names = short_names(key for one in options for key in one)
    parts = [
        _part(folder, record, one, worded(one, names), [number for number in published if number.is_of(record)])
        for (folder, record), one in zip(records, options, strict=True)
    ]
    for name, why in (damaged or {}).items():
        parts.append(Part((name, *[""] * 5, None, "damaged", "", False, {}), [_nothing(why)], []))
    return _frame(parts)


def extended(
    table: pd.DataFrame,
    records: Sequence[tuple[Path, Record]],
    scores: Mapping[str, Sequence[Score]],
    published: Sequence[Published] = (),
) -> pd.DataFrame:
    """The full table of records that have more `scores`, by the names of their folders, from the one without these.

    Rows of a run stay together, its new ones last. Each record has scores and a name of its own in the table.
    """
    heads = {head[0]: head for head in table.drop_duplicates("run")[list(HEAD)].itertuples(index=False, name=None)}
    more = [
        Part(heads[folder.name], added, [number for number in published if number.is_of(record)])
        for folder, record in records
        if (added := scores.get(folder.name))
    ]
    if not more:  # whose columns would have no type
        return table
    both = pd.concat([table, _frame(more)], ignore_index=True)
    places = both["run"].map({run: place for place, run in enumerate(heads)}).to_numpy()
    return both.iloc[np.argsort(places, kind="stable")].reset_index(drop=True)


def scores_table(records: Sequence[tuple[Path, Record]]) -> pd.DataFrame:
    """One row per score, in exactly the columns of scores.csv; a failed run is one row with its error as reason."""
    return full_table(records)[list(COLUMNS)]


class Part(NamedTuple):
    """The rows of one run."""

    head: tuple[Any, ...]  # what all of them have, in the order of HEAD
    scores: Sequence[Score]  # one each
    published: Sequence[Published]  # numbers of papers on runs like this one


def _part(folder: Path, record: Record, options: Mapping[str, Any], word: str, published: Sequence[Published]) -> Part:
    names = [plain(record.choices.get(key, "")) for key in ("experiment", "dataset", "model", "objective")]
    of_run = (plain(folder.name), *names, word, record.config.get("seed", 0))
    head = (*of_run, record.status, plain(record.group), record.reference, options)
    if record.status == "failed" or not record.scores:
        return Part(head, [_nothing(record.error_line)], [])
    return Part(head, record.scores, published)


def _nothing(reason: str) -> Score:
    """What stands in the row of a run without scores."""
    return Score("", None, reason=reason, readout="")


def _frame(parts: Sequence[Part]) -> pd.DataFrame:
    """The rows of all parts, column by column: what a run has once is typed once."""
    heads = pd.DataFrame([part.head for part in parts], columns=pd.Index(HEAD))
    heads = heads.astype({"seed": "Int64", "reference": bool})
    rows = heads.loc[np.repeat(np.arange(len(parts)), [len(part.scores) for part in parts])].reset_index(drop=True)
    scores = [score for part in parts for score in part.scores]
    numbers = [_published(score, part.published) for part in parts for score in part.scores]
    of_score: dict[str, Any] = {
        "readout": [plain(score.readout) for score in scores],
        "representation": [score.representation or "" for score in scores],
        "factor": [plain(score.factor or "") for score in scores],
        "num_labels": pd.array([score.num_labels for score in scores], dtype="Int64"),
        "metric": [plain(score.name) for score in scores],
        "value": np.array([score.value for score in scores], dtype=float),
        "stderr": np.array([score.stderr for score in scores], dtype=float),
        "unit": [plain(score.unit) for score in scores],
        "better": [score.better or "" for score in scores],
        "reason": [plain(score.reason) for score in scores],
        "published": np.array([value for value, _, _ in numbers], dtype=float),
        "published_error": np.array([error for _, error, _ in numbers], dtype=float),
        "published_source": [source for _, _, source in numbers],
    }
    typed = {} if scores else dict.fromkeys(of_score.keys() - {"num_labels", *FLOATS}, object)  # nothing says of what
    return rows.assign(**of_score).astype(typed)[[*COLUMNS, *HIDDEN]]


def _published(score: Score, published: Sequence[Published]) -> tuple[float | None, float | None, str]:
    """The value, error and source of a number that a paper gives for this very score."""
    if not published:  # of most runs, and asked of every score
        return None, None, ""
    found = next((number for number in published if number.measures(score)), None)
    return (found.value, found.error, found.note) if found else (None, None, "")


def ranked_board(table: pd.DataFrame, rank_by: str | None = None) -> pd.DataFrame:
    """Mean and 95 % t interval over seeds for each configuration and score of a full table, ranked in its group."""
    scored = table[table["metric"] != ""]
    texts = scored[list(TEXTS)].astype(object)  # strings of pandas' own would be grouped one by one in Python
    scored = scored.assign(**texts.where(texts != "", None))
    words = {name: (name, "first") for name in (*TEXTS, *PUBLISHED[:2])}
    seeds = scored.groupby([*KEYS, "seed"], dropna=False, sort=False).agg(value=("value", "mean"), **words)
    over = seeds.reset_index().groupby(list(KEYS), dropna=False, sort=False)
    board = over.agg(mean=("value", "mean"), std=("value", "std"), n=("value", "count"), **words).reset_index()
    board = board.fillna(dict.fromkeys(TEXTS[:3], ""))
    half = half_widths(board.pop("std").to_numpy(dtype=float), board["n"].to_numpy())
    half[board["metric"].isin(OF_SEVERAL_SEEDS).to_numpy()] = np.nan  # its seeds vary together
    board["low"], board["high"] = board["mean"] - half, board["mean"] + half
    return ranked(board, rank_key(table, rank_by))[list(BOARD)]


def labels(frame: pd.DataFrame, among: pd.DataFrame | None = None) -> pd.Series:
    """What a row is called in tables and figures: "beta_vae beta=4", with its model if there are several; "pca".

    Several `among` the rows of that frame, which has these rows and others; without it among these.
    """
    every = frame if among is None else among
    several = every.loc[~every["reference"], "model"].nunique() > 1
    named = (frame["reference"] | several) & (frame["model"] != "")
    objective = frame["objective"].where(~(frame["reference"] & (frame["objective"] == "none")), "")
    words = (
        objective + (" " + frame["model"]).where(named, "") + (" " + frame["varied"]).where(frame["varied"] != "", "")
    )
    return words.str.strip()
