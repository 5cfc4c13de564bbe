"""A study to pages: what a folder of runs says, printed, and written beside the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
import pandas as pd

from benchmark.reporting.analyses import analysed
from benchmark.reporting.analyses.failures import Failures
from benchmark.reporting.analyses.findings import Draw, Findings
from benchmark.reporting.board import wide_tables
from benchmark.reporting.figures.style import STYLE
from benchmark.reporting.figures.write import save_figure
from benchmark.reporting.pages import Page
from benchmark.reporting.study import Study, read_study
from benchmark.reporting.tables import COLUMNS
from benchmark.store.files import outcome, remove, remove_leftovers, write_json, write_text
from benchmark.store.lock import claimed


@dataclass(frozen=True)
class Report:
    """What was written and printed."""

    study: Study
    findings: Sequence[Findings]
    failed: Mapping[str, str]  # name of an analysis -> what it raised
    text: str

    @property
    def damaged(self) -> dict[str, str]:
        """Name of a run's folder, or of a file -> what is wrong with it."""
        return {**self.study.damaged, **self.study.unreadable}

    @property
    def exit_code(self) -> int:
        """1 unless every record could be trusted, and every analysis made what it is for."""
        return 1 if self.damaged or self.failed else 0


@dataclass(frozen=True)
class Shown:
    """What a report shows, where it is not what the experiment says."""

    columns: tuple[str, ...] = ()  # scores of the tables, such as elbo or linear_probe_accuracy[mean]
    formats: tuple[str, ...] = ()  # of figures, beside PNG


def write_report(folder: Path | str, shown: Shown = Shown()) -> Report:
    """Print what a folder of runs says, and write scores.csv, leaderboard.{csv,md,tex} and what its analyses find.

    A folder without records is a ValueError; damaged ones, and a damaged experiment.json, are named, and the rest is
    reported; so are analyses that raise. In a read-only folder the text is printed all the same; a full disk is
    Unwritable.
    """
    study, found, failed = analysed(read_study(Path(folder)))
    sections = [section for findings in found for section in findings.sections]
    wides = wide_tables(study.board, study.table, str(study.manifest.get("note") or ""), shown.columns)
    page = Page(study.name, str(study.ranked_by), wides, [], sections)
    text = page.terminal()
    print(f"{text}\n", flush=True)
    ending = outcome(lambda: _write(study, found, failed, page, shown.formats), f"Written to {folder}")
    ending = "\n".join([*map(_said, failed.items()), ending])
    print(ending)
    return Report(study, found, failed, f"{text}\n\n{ending}")


def _said(failed: tuple[str, str]) -> str:
    name, why = failed
    return f"analysis failed: {name}: {why} (HYDRA_FULL_ERROR=1 shows the whole traceback)"


def _write(study: Study, found: Sequence[Findings], failed: Failures, page: Page, formats: Sequence[str]) -> None:
    """Tables, figures and the page that shows them, by one process at a time."""
    folder = study.folder
    with claimed(folder / "runs", wait=True):
        remove_leftovers(folder)
        figures = draw_findings(folder, found, formats, failed)
        write_findings(folder, found, failed)
        page = replace(page, figures=figures, sections=[*page.sections, *failed.sections])
        _write_table(folder / "scores.csv", study.table[list(COLUMNS)])
        _write_table(folder / "leaderboard.csv", study.board)
        write_text(folder / "leaderboard.tex", page.latex() + "".join(findings.latex for findings in found))
        write_text(folder / "leaderboard.md", page.markdown())


def write_findings(folder: Path, found: Sequence[Findings], failed: Failures) -> None:
    """Tables and documents, and nothing where a table is empty; what cannot be written as one has failed."""
    for findings in found:
        for name, table in findings.tables.items():
            with failed.kept(findings.analysis, f"table {name}"):
                _write_table(folder / f"{name}.csv", table, "%.6g")
        for name, document in findings.documents.items():
            with failed.kept(findings.analysis, f"document {name}"):
                write_json(folder / f"{name}.json", document)


def draw_findings(folder: Path, found: Sequence[Findings], formats: Sequence[str], failed: Failures) -> list[str]:
    """Draw what there is to draw; returns the names of the figures, and removes those that no longer apply."""
    draws = {name: (of.analysis, draw) for of in found for name, draw in of.figures.items()}
    with mpl.rc_context(STYLE):
        return [
            name for name, (analysis, draw) in draws.items() if _drawn(folder / name, analysis, draw, formats, failed)
        ]


def _drawn(stem: Path, analysis: str, draw: Draw, formats: Sequence[str], failed: Failures) -> bool:
    with failed.kept(analysis, f"figure {stem.name}"):
        return save_figure(stem, draw(), formats)
    return save_figure(stem, None)  # an old one is not what these runs look like


def _write_table(path: Path, rows: pd.DataFrame, digits: str | None = None) -> None:
    if rows.empty:
        remove(path)
    else:
        write_text(path, rows.to_csv(index=False, lineterminator="\n", float_format=digits))
