"""Records to pages: what a folder of runs says, printed, and written beside the runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.reporting.between_scores import Relations, relations
from benchmark.reporting.board import wide_tables
from benchmark.reporting.checking import check
from benchmark.reporting.claims import parse_claims
from benchmark.reporting.figures.write import write_figures
from benchmark.reporting.latex import label_of
from benchmark.reporting.not_run import not_run
from benchmark.reporting.pages import Page
from benchmark.reporting.ranking import rank_key
from benchmark.reporting.tables import COLUMNS, full_table, leaderboard
from benchmark.reporting.udr import with_agreement
from benchmark.reporting.verdicts import Verdict, as_json, section
from benchmark.reporting.verdicts import latex as claims_latex
from benchmark.reporting.warnings import Records, caveats, missing_runs, of_latest_version
from benchmark.store.files import outcome, remove_leftovers, write_json, write_text
from benchmark.store.lock import claimed
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.manifest import read_manifest
from benchmark.store.published import Published, read
from benchmark.store.record import read_folder


@dataclass(frozen=True)
class Report:
    """What was written and printed; the exit code says whether every record could be trusted."""

    folder: Path
    text: str
    verdicts: tuple[Verdict, ...]
    failed: tuple[str, ...]  # names of run folders
    missing: tuple[str, ...]  # names of run folders
    damaged: tuple[str, ...]  # one-line messages

    @property
    def exit_code(self) -> int:
        return 1 if self.damaged else 0


@dataclass(frozen=True)
class Shown:
    """What a report shows, where it is not what the experiment says."""

    columns: tuple[str, ...] = ()  # scores of the tables, such as elbo or linear_probe_accuracy[mean]
    formats: tuple[str, ...] = ()  # of figures, beside PNG


def write_report(folder: Path | str, shown: Shown = Shown()) -> Report:
    """Print what a folder of runs says, and write scores.csv, leaderboard.{csv,md,tex}, claims.json and figures there.

    A sweep large enough also gets correlations.csv and variance.csv.

    A folder without records is a ValueError; damaged ones, and a damaged experiment.json, are named, and the rest is
    reported. In a read-only folder the text is printed all the same; a full disk is Unwritable.
    """
    folder = Path(folder)
    found = _findings(folder, shown)
    text = found.page.terminal()
    print(f"{text}\n", flush=True)
    ending = outcome(lambda: _write(folder, found, shown.formats), f"Written to {folder}")
    print(ending)
    failed = tuple(run.name for run, record in found.records if record.status == "failed")
    return Report(folder, f"{text}\n\n{ending}", found.verdicts, failed, found.missing, tuple(found.damaged.values()))


@dataclass(frozen=True)
class _Findings:
    """What a folder says, before anything is written."""

    records: Records
    table: pd.DataFrame
    board: pd.DataFrame
    related: Relations
    page: Page  # without the figures, which are not drawn yet
    verdicts: tuple[Verdict, ...]
    missing: tuple[str, ...]
    damaged: Mapping[str, str]  # folder name, or experiment.json -> what is wrong with it


def _findings(folder: Path, shown: Shown) -> _Findings:
    records, damaged = read_folder(folder)
    records, others = of_latest_version(records)
    records = with_agreement(records)
    manifest, verdicts, published, wrong = _asked(folder, records)
    table = full_table(records, published, damaged)
    board, related = leaderboard(table, manifest.get("rank_by")), relations(table)
    damaged = damaged | wrong
    elsewhere = not_run(published, (record for _, record in records))
    noted = caveats(records, manifest, damaged, others)
    sections = [*related.sections, *section(verdicts), *noted, *elsewhere]
    tables = wide_tables(board, table, str(manifest.get("note") or ""), shown.columns)
    page = Page(_name(folder, manifest), f"{rank_key(table, manifest.get('rank_by'))}", tables, [], sections)
    missing = tuple(missing_runs(records, manifest, list(damaged)))
    return _Findings(records, table, board, related, page, tuple(verdicts), missing, damaged)


def _asked(folder: Path, records: Records) -> tuple[dict[str, Any], list[Verdict], list[Published], dict[str, str]]:
    """What the experiment asked for, as far as it can be read, and what is wrong with experiment.json."""
    manifest, verdicts, published, wrong = dict[str, Any](), list[Verdict](), list[Published](), dict[str, str]()
    try:
        manifest = read_manifest(folder)
        verdicts = check(records, parse_claims(manifest.get("claims", [])), manifest)
        published = read(manifest.get("published"))
    except ValueError as error:
        wrong[MANIFEST] = str(error)
    return manifest, verdicts, published, wrong


def _write(folder: Path, found: _Findings, formats: Sequence[str]) -> None:
    """Tables, figures and the page that shows them, by one process at a time."""
    with claimed(folder / "runs", wait=True):
        remove_leftovers(folder)
        figures = [*write_figures(folder, found.table, found.board, formats), *found.related.write(folder, formats)]
        page = replace(found.page, figures=figures)
        write_text(folder / "scores.csv", found.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n"))
        write_text(folder / "leaderboard.csv", found.board.to_csv(index=False, lineterminator="\n"))
        write_text(
            folder / "leaderboard.tex", page.latex() + claims_latex(found.verdicts, f"{label_of(page.name)}-claims")
        )
        write_text(folder / "leaderboard.md", page.markdown())
        write_json(folder / "claims.json", as_json(found.verdicts))


def _name(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The folder as anybody would type it: never an absolute path, for the page is committed."""
    return folder.as_posix() if not folder.is_absolute() else f"results/{manifest.get('experiment', folder.name)}"
