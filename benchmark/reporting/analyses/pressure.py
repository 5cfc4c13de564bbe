"""How hard each beta presses: beta_norm = beta M / N, which compares across image sizes where beta does not."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study
from benchmark.reporting.tables import labels
from benchmark.store.record import Record
from benchmark.store.selection import weight_of_rate

COLUMNS = ("dataset", "configuration", "beta", "latents", "numbers", "beta_norm")


def pressure(study: Study) -> Findings:
    """beta M / N of every configuration whose beta weighs its rate *(Higgins et al., 2017)*; M latents, N numbers.

    The distortion is a sum over the N numbers of an example, so that the same beta presses less on a larger image.
    """
    if study.table.empty:
        return Findings()
    runs = study.table.drop_duplicates("run")
    named = pd.Series(labels(runs, among=study.table).to_numpy(), index=runs["run"])
    rows = [row for folder, record in study.records if (row := _row(record, str(named.get(folder.name, ""))))]
    found = pd.DataFrame(rows, columns=pd.Index(COLUMNS)).drop_duplicates().sort_values(["dataset", "beta_norm"])
    lines = [
        f"{row.dataset}: {row.configuration}: {row.beta_norm:.3g} (M = {row.latents} latents, N = {row.numbers})"
        for row in found.itertuples()
    ]
    sections = [Section("Pressure of the rate, beta M / N (pressure.csv)", lines)] if lines else []
    return Findings(tables={"pressure": found}, sections=sections)


def _row(record: Record, label: str) -> tuple[Any, ...] | None:
    """None for what has no such beta, and for records that do not say how large an example is."""
    beta, shape = weight_of_rate(record), record.provenance.get("shape")
    latents = record.config["model"].get("latent_dim")
    if beta is None or not shape or not isinstance(latents, int) or record.status != "finished":
        return None
    numbers = math.prod(shape)
    return record.choices["dataset"], label, beta, latents, numbers, beta * latents / numbers
