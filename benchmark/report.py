"""Tables to pages: `python -m benchmark.report results/<experiment>` writes and prints what a folder of runs says."""

from __future__ import annotations

import argparse
import math
import re
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark import claims
from benchmark.record import write_atomically, write_json
from benchmark.statistics import certain_best, decimals

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.tables import Column

WIDTH = 138  # of the terminal's tables
NORMAL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
LATEX |= {"±": r"$\pm$", "—": "---", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "|": r"\textbar{}"}
LATEX |= {sign: "\\" + sign for sign in "&%$#_{}"}
READING = (
    "Mean ± half-width of the 95 % Student t interval over seeds; ↑ higher is better, ↓ lower is better. Bold (* in "
    "the terminal): the best trained configuration, where its paired difference to the runner-up excludes zero. Every "
    "number is of the test split; reference rows are not ranked."
)


@dataclass(frozen=True)
class Wide:
    """One comparison group as people read it: cells are text, **bold** where a difference is certain, ¹ for a note."""

    group: str
    headers: list[tuple[str, str, str]]  # title with arrow, detail, unit
    topics: list[str]
    trained: list[list[str]]
    references: list[list[str]]
    notes: list[str]
    legend: list[str]  # what each column means


@dataclass(frozen=True)
class Report:
    """What was written and printed; the exit code says whether every record could be trusted."""

    folder: Path
    text: str
    verdicts: tuple[claims.Verdict, ...]
    failed: tuple[str, ...]  # names of run folders
    missing: tuple[str, ...]  # names of run folders
    damaged: tuple[str, ...]  # one-line messages

    @property
    def exit_code(self) -> int:
        return 1 if self.damaged else 0


def wide_tables(board: pd.DataFrame, table: pd.DataFrame) -> list[Wide]:
    """One wide table per comparison group, of a leaderboard and the full table that it came from."""
    from benchmark.tables import headline_rows

    board, table = headline_rows(board), headline_rows(table)
    groups = board.groupby("group", sort=True)
    return [_wide(str(group), rows, table[table["group"] == group]) for group, rows in groups]


def _wide(group: str, board: pd.DataFrame, table: pd.DataFrame) -> Wide:
    from benchmark.tables import columns

    order = board.drop_duplicates("label").sort_values(["reference", "rank", "label"]).set_index("label")
    seeds = table.groupby("label")["seed"].nunique().reindex(order.index).astype(int)
    ranks = ["" if value != value else f"{value:.0f}" for value in order["rank"].astype(float)]
    rows = [list(row) for row in zip(ranks, order.index, map(str, seeds), strict=True)]
    heads, notes, found = [("rank", "", ""), ("configuration", "", ""), ("seeds", "", "")], list[str](), columns(board)
    for column in found:
        head, cells = _cells(column, board, table, seeds, notes)
        heads.append(head)
        rows = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
    split = int((~order["reference"]).sum())
    topics, legend = [column.headline.topic for column in found], [column.legend for column in found]
    return Wide(group, heads, topics, rows[:split], rows[split:], notes, legend)


def _cells(
    column: Column, board: pd.DataFrame, table: pd.DataFrame, seeds: pd.Series, notes: list[str]
) -> tuple[tuple[str, str, str], list[str]]:
    """The head of one column and its cell for every row; reasons go to `notes`, each once."""
    at = column.of(board)
    known, trained = at[at["mean"].notna()].set_index("label"), at[~at["reference"]]
    shown = trained if trained["mean"].notna().any() else at
    digits = decimals(shown["mean"], shown["high"] - shown["mean"])
    best = certain_best(_by_seed(column.of(table[~table["reference"]])), column.better)
    shared = known["reason"].iloc[0] if known["reason"].nunique() == 1 else ""
    reasons = known["reason"].where(known["reason"] != shared, "").to_dict()
    reasons = _null_reasons(column, board) | reasons
    texts = {row.Index: _number(row, digits, seeds, best) for row in known.itertuples()}
    cells = [
        texts.get(name, "—") + _mark(notes, reasons.get(name, "not measured in these runs")) for name in seeds.index
    ]
    return (column.title + _mark(notes, shared), column.detail, column.shown_unit), cells


def _by_seed(rows: pd.DataFrame) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = defaultdict(dict)
    means = rows[rows["value"].notna()].groupby(["label", "seed"], sort=False, as_index=False)["value"].mean()
    for name, seed, value in zip(means["label"], means["seed"], means["value"], strict=True):
        found[name][seed] = value
    return found


def _null_reasons(column: Column, board: pd.DataFrame) -> dict[str, str]:
    null = board["mean"].isna() & (board["metric"] == column.metric) & (board["factor"] == "")
    rows = board[null & board["representation"].isin([column.representation, ""])]
    return dict(zip(rows["label"], rows["reason"], strict=True))


def _number(row: Any, digits: int, seeds: pd.Series, best: str | None) -> str:
    half = row.high - row.mean
    text = f"{row.mean:.{digits}f}" + (f" ± {half:.{digits}f}" if math.isfinite(half) else "")
    return (f"**{text}**" if row.Index == best else text) + (f" (n={row.n})" if row.n != seeds[row.Index] else "")


def _mark(notes: list[str], reason: str) -> str:
    """The superscript number of a reason, which joins the notes when it is new."""
    if not reason:
        return ""
    if reason not in notes:
        notes.append(reason)
    return str(notes.index(reason) + 1).translate(SUPERSCRIPT)


def note_lines(wide: Wide) -> list[str]:
    """The notes of a table, numbered as its cells are."""
    return [f"{str(number).translate(SUPERSCRIPT)} {note}" for number, note in enumerate(wide.notes, 1)]


def markdown(wide: Wide) -> str:
    """The wide table in Markdown, references below the trained configurations."""
    heads = [" ".join(filter(None, (title, f"({about})" if about else ""))) for title, about in _heads(wide)]
    divider = [["", "*references*", *[""] * (len(heads) - 2)]] if wide.references else []
    rows = [heads, ["---:", ":---", *["---:"] * (len(heads) - 2)], *wide.trained, *divider, *wide.references]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)


def _heads(wide: Wide) -> list[tuple[str, str]]:
    return [(title, ", ".join(filter(None, (detail, unit)))) for title, detail, unit in wide.headers]


def latex(wide: Wide) -> str:
    """The wide table in LaTeX; needs the packages booktabs and graphicx."""
    heads = _heads(wide)
    lines = [_latex_row(titles) for titles in zip(*heads, strict=True)]
    references = ["\\midrule", *map(_latex_row, wide.references)] if wide.references else []
    body = ["\\toprule", *lines, "\\midrule", *map(_latex_row, wide.trained), *references, "\\bottomrule"]
    begin = f"\\begin{{tabular}}{{rl{'r' * (len(heads) - 2)}}}"
    notes = " ".join(f"{escape(line)}." for line in note_lines(wide))
    about = "mean $\\pm$ half-width of the 95\\,\\% t-interval over seeds"
    caption = f"\\caption{{{escape(wide.group)}: {about}. {notes}}}"
    return "\n".join(["\\begin{table}", "\\centering", caption, "\\resizebox{\\linewidth}{!}{%", begin, *body,
                      "\\end{tabular}}", "\\end{table}"])  # fmt: skip


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", escape(cell)) for cell in cells) + r" \\"


def escape(text: str) -> str:
    """Plain text as LaTeX, with the few signs that these tables use."""
    text = "".join(LATEX.get(character, character) for character in text)
    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"\\textsuperscript{{{m[0].translate(NORMAL)}}}", text)


def terminal(wide: Wide) -> str:
    """The wide table in as many stacked blocks as fit the terminal; * marks what is bold elsewhere."""
    from tabulate import SEPARATING_LINE, tabulate

    rows = [[re.sub(r"\*\*(.+?)\*\*", r"\1*", cell) for cell in row] for row in (*wide.trained, *wide.references)]
    heads = ["\n".join(_wrap(*head)) for head in wide.headers]
    blocks = []
    for chosen in _blocks(wide, heads, rows):
        lines: list[Any] = [[row[i] for i in chosen] for row in rows]
        if wide.trained and wide.references:
            lines.insert(len(wide.trained), SEPARATING_LINE)
        align = ["right", "left", *["right"] * (len(chosen) - 2)]
        heading = [heads[i] for i in chosen]
        blocks.append(tabulate(lines, heading, "simple", disable_numparse=True, colalign=align))
    return "\n\n".join(blocks)


def _wrap(title: str, detail: str, unit: str) -> list[str]:
    """Head lines of some 15 characters, an arrow beside its word."""
    lines = [textwrap.wrap(text, 15, break_long_words=False) for text in (re.sub(" (?=[↑↓])", "\u00a0", title), detail)]
    return [line.replace("\u00a0", " ") for part in lines for line in part] + ([f"[{unit}]"] if unit else [])


def _blocks(wide: Wide, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Columns that fit beside rank, configuration and seeds; bounds and representation part where all do not fit."""
    lines = [[*(f"{line}  " for line in head.split("\n")), *(row[i] for row in rows)] for i, head in enumerate(heads)]
    width, fixed = [2 + max(map(len, column)) for column in lines], [0, 1, 2]  # tabulate pads a head by two
    whole = sum(width) <= WIDTH
    blocks, used = [list(fixed)], sum(width[:3])
    for i, topic in enumerate(wide.topics, start=3):
        parts = not whole and i > 3 and topic != wide.topics[i - 4]
        if len(blocks[-1]) > 3 and (parts or used + width[i] > WIDTH):
            blocks, used = [*blocks, list(fixed)], sum(width[:3])
        blocks[-1].append(i)
        used += width[i]
    return blocks


def write_report(folder: Path | str) -> Report:
    """Write scores.csv, leaderboard.{csv,md,tex}, claims.json and the figures into the folder, and print the text.

    A folder without records is a ValueError; damaged records are named, and the rest is reported.
    """
    from benchmark.plots import write_figures
    from benchmark.tables import COLUMNS, full_table, leaderboard, rank_key

    folder = Path(folder)
    records, damaged = claims.read_folder(folder)
    manifest = claims.read_manifest(folder)
    verdicts = claims.check(records, claims.parse_claims(manifest.get("claims", [])))
    table = full_table(records)
    board = leaderboard(table, manifest.get("rank_by"))
    ranked = f"Ranked by {rank_key(table, manifest.get('rank_by'))}."
    wides = wide_tables(board, table)
    sections = [*_claim_section(verdicts), *claims.caveats(records, manifest, damaged)]
    _write(folder / "scores.csv", table[list(COLUMNS)].to_csv(index=False, lineterminator="\n"))
    _write(folder / "leaderboard.csv", board.to_csv(index=False, lineterminator="\n"))
    _write(folder / "leaderboard.tex", "% needs booktabs and graphicx\n" + "\n\n".join(map(latex, wides)) + "\n")
    write_json(folder / "claims.json", claims.as_json(verdicts))
    figures = write_figures(folder, table, board)
    _write(folder / "leaderboard.md", _page(_name(folder, manifest), wides, ranked, figures, sections))
    text = _text(folder, wides, ranked, sections)
    print(text)
    failed = tuple(run.name for run, record in records if record.status == "failed")
    missing = tuple(claims.missing_runs(records, manifest, list(damaged)))
    return Report(folder, text, tuple(verdicts), failed, missing, tuple(damaged.values()))


def _claim_section(verdicts: Sequence[claims.Verdict]) -> list[claims.Section]:
    width = max((len(verdict.where) for verdict in verdicts), default=0)
    title = f"Claims ({sum(verdict.held for verdict in verdicts)} of {len(verdicts)} held)"
    return [claims.Section(title, [verdict.line(width) for verdict in verdicts])] if verdicts else []


def _name(folder: Path, manifest: Mapping[str, Any]) -> str:
    """The folder as anybody would type it: never an absolute path, for the page is committed."""
    return folder.as_posix() if not folder.is_absolute() else f"results/{manifest.get('experiment', folder.name)}"


def _page(
    name: str, wides: Sequence[Wide], ranked: str, figures: Sequence[str], sections: Sequence[claims.Section]
) -> str:
    parts = [f"# {name}", f"{ranked} {READING}", f"Rebuild this page: `python -m benchmark.report {name}`"]
    parts += [f"![{figure.replace('_', ' ')}]({figure}.png)" for figure in figures]
    for title, lines in sections:
        bold = [re.sub(r"^(held|not held) +(\S+) +", r"**\1** \2: ", line.replace("<", "&lt;")) for line in lines]
        parts += [f"## {title}", "\n".join(f"- {line}" for line in bold)]
    for wide in wides:
        parts += [f"## {wide.group}", markdown(wide), "<br>\n".join(note_lines(wide))]
    legend = dict.fromkeys(f"- {line}" for wide in wides for line in wide.legend)
    return "\n\n".join(filter(None, [*parts, "## What the columns mean", "\n".join(legend)])) + "\n"


def _text(folder: Path, wides: Sequence[Wide], ranked: str, sections: Sequence[claims.Section]) -> str:
    parts = [f"{wide.group}\n\n" + "\n".join([terminal(wide), *note_lines(wide)]) for wide in wides]
    parts.append(textwrap.fill(f"{ranked} {READING}", WIDTH))
    parts += [f"{title}\n" + "\n".join(f"  {line}" for line in lines) for title, lines in sections]
    return "\n\n".join([*parts, f"Written to {folder}"])


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
