"""A study to pages: what a folder of runs says, printed, and written beside the runs."""

from __future__ import annotations

from collections.abc import Sequence
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
from benchmark.reporting.kept import Said, keep, kept, made_of
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
    failed: Failures  # name of an analysis -> what it raised
    page: str  # the tables and sections as printed
    ending: str = ""  # what was written

    @property
    def text(self) -> str:
        """All that was printed."""
        return f"{self.page}\n\n{self.ending}"

    @property
    def damaged(self) -> dict[str, str]:
        """Name of a run's folder, or of a file -> what is wrong with it."""
        return {**self.study.damaged, **self.study.unreadable}

    @property
    def exit_code(self) -> int:
        """1 unless every record could be trusted, and every analysis made what it is for."""
        return 1 if self.damaged or self.failed else 0

    @property
    def said(self) -> Said:
        """What was printed, but for its ending."""
        return Said(self.page, self.exit_code, tuple(folder.name for folder, _ in self.study.failed))


@dataclass(frozen=True)
class Shown:
    """What a report shows, where it is not what the experiment says."""

    columns: tuple[str, ...] = ()  # scores of the tables, such as elbo or linear_probe_accuracy[mean]
    formats: tuple[str, ...] = ()  # of figures, beside PNG


def report(folder: Path | str, shown: Shown = Shown()) -> Said:
    """Print what a folder of runs says: what was said last where nothing has changed since, else as `write_report`."""
    folder = Path(folder)
    made = made_of(folder, shown)
    if (said := kept(folder, made)) is None:
        return _made_anew(folder, shown, made).said
    print(f"{said.text}\n\nNothing has changed since this was written to {folder}", flush=True)
    return said


def write_report(folder: Path | str, shown: Shown = Shown()) -> Report:
    """Print what a folder of runs says, and write scores.csv, leaderboard.{csv,md,tex} and what its analyses find.

    A folder without records is a ValueError; damaged ones, and a damaged experiment.json, are named, and the rest is
    reported; so are analyses that raise. In a read-only folder the text is printed all the same; a full disk is
    Unwritable.
    """
    return _made_anew(Path(folder), shown, made_of(Path(folder), shown))


def _made_anew(folder: Path, shown: Shown, made: str) -> Report:
    study, found, failed = analysed(read_study(folder))
    sections = [section for findings in found for section in findings.sections]
    wides = wide_tables(study.board, study.table, str(study.manifest.get("note") or ""), shown.columns)
    page = Page(study.name, str(study.ranked_by), wides, [], sections)
    text = page.terminal()
    print(f"{text}\n", flush=True)
    made_anew = Report(study, found, failed, text)
    ending = outcome(lambda: _write(made_anew, page, shown.formats, made), f"Written to {folder}")
    made_anew = replace(made_anew, ending="\n".join([*map(_said, failed.items()), ending]))
    print(made_anew.ending)
    return made_anew


def _said(failed: tuple[str, str]) -> str:
    name, why = failed
    return f"analysis failed: {name}: {why} (HYDRA_FULL_ERROR=1 shows the whole traceback)"


def _write(report: Report, page: Page, formats: Sequence[str], made: str) -> None:
    """Tables, figures and the page that shows them, by one process at a time; then what was said, if all is there."""
    folder, found, failed = report.study.folder, report.findings, report.failed
    with claimed(folder / "runs", wait=True):
        remove_leftovers(folder)
        figures = draw_findings(folder, found, formats, failed)
        write_findings(folder, found, failed)
        page = replace(page, figures=figures, sections=[*page.sections, *failed.sections])
        _write_table(folder / "scores.csv", report.study.table[list(COLUMNS)])
        _write_table(folder / "leaderboard.csv", report.study.board)
        write_text(folder / "leaderboard.tex", page.latex() + "".join(findings.latex for findings in found))
        write_text(folder / "leaderboard.md", page.markdown())
        if not failed:
            keep(folder, report.said, made)


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
