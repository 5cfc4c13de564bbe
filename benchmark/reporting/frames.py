"""An experiment's folder as one tidy table: a row per score, a column per option, for notebooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from benchmark.reporting.tables import PUBLISHED, flatten, full_table
from benchmark.store.groups import OPTIONED
from benchmark.store.record import read_folder
from metrics.core import Split


def results(folder: Path | str, split: Split = "test") -> pd.DataFrame:
    """Every score of every run in a folder such as results/quickstart, with the options of its run.

    Columns are those of scores.csv and one per option, such as objective.beta or trainer.steps (empty where a run has
    no such option). With split="validation" the scores that settings were chosen by, which stand nowhere else. A
    folder without records is a ValueError; damaged records are left out.
    """
    records, _ = read_folder(Path(folder))
    if split == "validation":
        records = [(run, replace(record, scores=record.validation)) for run, record in records]
    options = [
        {"run": run.name, **dict(flatten({part: record.config[part] for part in OPTIONED if record.config.get(part)}))}
        for run, record in records
    ]
    known = pd.DataFrame(options).drop(columns=[f"{part}._target_" for part in OPTIONED], errors="ignore")
    return full_table(records).drop(columns=[*PUBLISHED, "options"]).merge(known, on="run")
