"""Records to pages: `python -m benchmark.report results/<experiment>` writes and prints what a folder of runs says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.agreement import with_agreement
from benchmark.caveats import Section, caveats, missing_runs, of_latest_version
from benchmark.claims import Verdict, as_json, check, parse_claims
from benchmark.pages import Page, latex
from benchmark.plots import write_figures
from benchmark.published import not_run, read
from benchmark.ranking import rank_key
from benchmark.record import read_folder, read_manifest, write_atomically, write_json
from benchmark.relating import write_relations
from benchmark.tables import COLUMNS, full_table, leaderboard
from benchmark.wide import wide_tables


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


def write_report(folder: Path | str) -> Report:
    """Write scores.csv, leaderboard.{csv,md,tex}, claims.json and the figures into the folder, and print the text.

    A sweep large enough also gets correlations.csv and variance.csv.

    A folder without records is a ValueError; damaged records are named, and the rest is reported.
    """
    folder = Path(folder)
    records, damaged = read_folder(folder)
    records, others = of_latest_version(records)
    records = with_agreement(records)
    manifest = read_manifest(folder)
    verdicts = check(records, parse_claims(manifest.get("claims", [])))
    published = read(manifest.get("published"))
    elsewhere = not_run(published, (record for _, record in records))
    sections = [*_claim_section(verdicts), *caveats(records, manifest, damaged, others), *elsewhere]
    table = full_table(records, published)
    page = _write_all(folder, table, manifest, sections)
    write_json(folder / "claims.json", as_json(verdicts))
    text = f"{page.terminal()}\n\nWritten to {folder}"
    print(text)
    failed = tuple(run.name for run, record in records if record.status == "failed")
    missing = tuple(missing_runs(records, manifest, list(damaged)))
    return Report(folder, text, tuple(verdicts), failed, missing, tuple(damaged.values()))


def _claim_section(verdicts: Sequence[Verdict]) -> list[Section]:
    width = max((len(verdict.where) for verdict in verdicts), default=0)
    title = f"Claims ({sum(verdict.held for verdict in verdicts)} of {len(verdicts)} held)"
    return [Section(title, [verdict.line(width) for verdict in verdicts])] if verdicts else []


def _write_all(folder: Path, table: pd.DataFrame, manifest: Mapping[str, Any], sections: Sequence[Section]) -> Page:
    """Tables, figures and the page that shows them."""
    rank_by = manifest.get("rank_by")
    board = leaderboard(table, rank_by)
    related, relations = write_relations(folder, table)
    figures, sections = [*write_figures(folder, table, board), *related], [*relations, *sections]
    tables = wide_tables(board, table, str(manifest.get("note") or ""))
    page = Page(_name(folder, manifest), f"{rank_key(table, rank_by)}", tables, figures, sections)
    _write(folder / "scores.csv", table[list(COLUMNS)].to_csv(index=False, lineterminator="\n"))
    _write(folder / "leaderboard.csv", board.to_csv(index=False, lineterminator="\n"))
    _write(folder / "leaderboard.tex", "% needs booktabs and graphicx\n" + "\n\n".join(map(latex, page.wides)) + "\n")
    _write(folder / "leaderboard.md", page.markdown())
    return page


def _name(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The folder as anybody would type it: never an absolute path, for the page is committed."""
    return folder.as_posix() if not folder.is_absolute() else f"results/{manifest.get('experiment', folder.name)}"


def _write(path: Path, text: str) -> None:
    write_atomically(path, lambda file: file.write(text.encode()))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, 1 if a record is damaged, 2 if there is nothing to report."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="results/<experiment>")
    folder = parser.parse_args(arguments).folder
    try:
        return write_report(folder).exit_code
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
