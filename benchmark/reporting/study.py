"""An experiment's folder as one object: its records, what was asked for, and the tables that come of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.reporting.columns import headline_rows
from benchmark.reporting.ranking import RankKey, rank_key
from benchmark.reporting.tables import extended, full_table, ranked_board
from benchmark.reporting.text import plain
from benchmark.reporting.variance import trained_scores
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.manifest import read_manifest
from benchmark.store.published import Published, read
from benchmark.store.record import Record, read_folder
from benchmark.store.versions import version_of
from metrics.core import AMORTISED, Score

Records = Sequence[tuple[Path, Record]]


@dataclass(frozen=True)
class Study:
    """What came of an experiment. An analysis is a function of it."""

    folder: Path
    records: Records  # those that can be trusted, of one version
    manifest: Mapping[str, Any]  # experiment.json: what was asked for; empty where it cannot be read
    published: Sequence[Published] = ()
    damaged: Mapping[str, str] = field(default_factory=dict)  # name of a run's folder -> what is wrong with its record
    unreadable: Mapping[str, str] = field(default_factory=dict)  # the same of experiment.json
    others: Sequence[str] = ()  # a line on runs of other versions

    @property
    def name(self) -> str:
        """The folder as anybody would type it: never an absolute path, for pages are committed."""
        absolute = self.folder.is_absolute()
        return f"results/{self.manifest.get('experiment', self.folder.name)}" if absolute else self.folder.as_posix()

    @cached_property
    def table(self) -> pd.DataFrame:
        """The tidy table: a row per score of every run, one (metric "") for a run without any, failed or damaged.

        `run` (its folder's name), `experiment`, `dataset`, `model`, `objective`, `varied` (options in words) and `seed`
        say whose; `metric` (the score's name), `representation`, `factor` ("": mean over factors) and `num_labels` say
        which; `value` and `stderr` are numbers or NaN in `unit`; `better`; `status` (finished, failed or damaged);
        `reason`. Beside scores.csv: `group` (what may be compared), `reference`, `options` (values by key, such as
        objective.beta) and `published`, `published_error`, `published_source`.
        """
        return full_table(self.records, self.published, self.damaged)

    @cached_property
    def board(self) -> pd.DataFrame:
        """Means and intervals over seeds of every configuration and score, ranked in their groups.

        A configuration is its `group`, `dataset`, `model`, `objective`, `varied` and `reference`: there is no column of
        that name. A score is as in the table; `mean`, `low` and `high` (95 %) are of its `n` seeds with a value, `rank`
        is that within the group.
        """
        return ranked_board(self.table, self.manifest.get("rank_by"))

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The rows of trained runs that scores are compared by (`trained_scores`)."""
        return trained_scores(self.table)

    @property
    def ranked_by(self) -> RankKey:
        """What the board is sorted by."""
        return rank_key(self.table, self.manifest.get("rank_by"))

    @cached_property
    def drawn(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The rows of table and board that figures have room for (`Declared.drawn`), those of the table with values.

        Beside their columns both have `label`, what a configuration is called in figures.
        """
        table = headline_rows(self.table, main=True)
        return table[table["value"].notna()], headline_rows(self.board, main=True)

    @property
    def drawn_of_encoder(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Of these the rows of the encoder's own readout."""
        table, board = self.drawn
        return table[table["readout"] == AMORTISED], board[board["readout"] == AMORTISED]

    @property
    def failed(self) -> Records:
        """The runs that raised."""
        return [(folder, record) for folder, record in self.records if record.status == "failed"]

    @property
    def missing(self) -> dict[str, str]:
        """The runs that were asked for and left no record, with their commands."""
        there = {folder.name for folder, _ in self.records} | set(self.damaged)
        return {name: command for name, command in self.manifest.get("runs", {}).items() if name not in there}

    def joined(self, scores: Mapping[str, Sequence[Score]], unreadable: Mapping[str, str]) -> Study:
        """The study with more scores in the records of these runs, by the names of their folders, and more damage."""
        if not scores and not unreadable:
            return self  # with the tables that it has made
        records = [
            (folder, replace(record, scores=(*record.scores, *scores.get(folder.name, ()))))
            for folder, record in self.records
        ]
        study = replace(self, records=records, unreadable={**self.unreadable, **unreadable})
        if "table" in vars(self) and self._has_rows_of(scores):  # made already, and long in the making
            vars(study)["table"] = extended(self.table, self.records, scores, self.published)
        return study

    def _has_rows_of(self, runs: Iterable[str]) -> bool:
        """Whether the table tells all runs apart, and has scores of each of these, by the names of their folders."""
        shown = {plain(folder.name) for folder, _ in self.records}
        there = {folder.name for folder, record in self.records if record.scores and record.status == "finished"}
        return len(shown) == len(self.records) and all(run in there and plain(run) == run for run in runs)


def read_study(folder: Path) -> Study:
    """The study in a folder of runs; ValueError where there is no record to trust.

    Only the runs whose numbers were made as the newest ones there are: numbers made otherwise are never mixed.
    """
    records, damaged = read_folder(folder)
    records, others = of_latest_version(records)
    manifest, published, unreadable = dict[str, Any](), list[Published](), dict[str, str]()
    try:
        manifest = read_manifest(folder)
        published = read(manifest.get("published"))
    except ValueError as error:
        unreadable[MANIFEST] = str(error)
    return Study(folder, records, manifest, published, damaged, unreadable, others)


def of_latest_version(records: Records) -> tuple[list[tuple[Path, Record]], list[str]]:
    """The records whose numbers were made as the newest ones there were, and a line on the others, if there are any."""
    versions = Counter(version_of(record.config) for _, record in records)
    latest = max(versions)
    kept = [(folder, record) for folder, record in records if version_of(record.config) == latest]
    others = len(records) - len(kept)
    stated = ", ".join(f"{trained} and {scored}" for trained, scored in sorted(versions) if (trained, scored) != latest)
    line = (
        f"{others} of {len(records)} runs are left out: trained and scored as of versions {stated}, the others as of "
        f"{latest[0]} and {latest[1]}; the command of the experiment makes anew what it still asks for"
    )
    return kept, [line] if others else []
