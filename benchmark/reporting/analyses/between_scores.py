"""What the scores of a large sweep have to do with each other and with their causes."""

from __future__ import annotations

import pandas as pd

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.columns import group_titles
from benchmark.reporting.correlations import correlate, correlations_table
from benchmark.reporting.figures.correlations import heat_maps
from benchmark.reporting.figures.variance import CAUSES, bars
from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study
from benchmark.reporting.variance import sizes_of, variance_table


def correlations(study: Study) -> Findings:
    """Whether two scores order the runs alike, where a sweep is large."""
    found, titles = correlate(study.compared), _titles(study)
    return Findings(
        tables={"correlations": correlations_table(found)},
        figures={"correlations": lambda: heat_maps(found, titles)},
        sections=_section("Rank correlations (correlations.csv)", [f"{titles[of.group]}: {of.note}" for of in found]),
    )


def variance(study: Study) -> Findings:
    """What explains the variance of each score: the method, its strength, or the seed."""
    found, titles = variance_table(study.compared), _titles(study)
    said = [f"{titles[str(group)]}: {_mean_shares(of)}" for group, of in found.groupby("group")]
    return Findings(
        tables={"variance": found},
        figures={"variance": lambda: bars(found, titles)},
        sections=_section("Variance explained (variance.csv)", said),
    )


def _titles(study: Study) -> dict[str, str]:
    return group_titles(study.table["group"].unique())


def _section(title: str, lines: list[str]) -> list[Section]:
    return [Section(title, lines)] if lines else []


def _mean_shares(rows: pd.DataFrame) -> str:
    means = rows.groupby("cause")["share"].mean()
    shares = ", ".join(f"{words} {means[cause]:.0%}" for cause, words in CAUSES.items())
    return f"{shares} on average over {rows['score'].nunique()} scores ({sizes_of(rows)})"
