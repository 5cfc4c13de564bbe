"""Wide tables in LaTeX, to be pasted or \\input; they need the packages booktabs and graphicx."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from benchmark.reporting.board import Wide
from benchmark.reporting.names import spoken
from benchmark.reporting.text import UNKNOWN, plain

NORMAL = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SIGNS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$"}
SIGNS |= {"±": r"$\pm$", "—": r"\textemdash{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "|": r"\textbar{}"}
SIGNS |= {
    "−": "$-$",
    "≠": r"$\ne$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "→": r"$\to$",
    "…": r"\ldots{}",
    "–": "--",
}
SIGNS |= {sign: "\\" + sign for sign in "&%$#_{}"}
FIT = r"\ifdim\width>\linewidth\linewidth\else\width\fi"  # narrower where it is too wide, never wider
ABOUT = "Mean $\\pm$ half-width of the 95\\,\\% t interval over seeds."
NAME = 1  # the column of the configuration's name


def document(wides: Sequence[Wide], name: str) -> str:
    """Every table of a report, each with a label of its own: tab:<name>, tab:<name>-2, ..."""
    labels = [label_of(name) + (f"-{i}" if i > 1 else "") for i in range(1, len(wides) + 1)]
    tables = [latex(wide, label) for wide, label in zip(wides, labels, strict=True)]
    return "% needs booktabs and graphicx\n" + "\n\n".join(tables) + "\n"


def label_of(name: str) -> str:
    """The label of the first table of a report."""
    return "tab:" + re.sub(r"[^A-Za-z0-9]+", "-", name.removeprefix("results/")).strip("-")


def latex(wide: Wide, label: str) -> str:
    """One table: a caption of a line or two, the notes in small print below it."""
    lines = [_row(titles) for titles in zip(*wide.heads, strict=True)]
    references = ["\\midrule", *map(_named, wide.references)] if wide.references else []
    body = ["\\toprule", *lines, "\\midrule", *map(_named, wide.trained), *references, "\\bottomrule"]
    said = f" {escape(wide.about)}." if wide.about else ""
    return "\n".join([
        "\\begin{table}", "\\centering", f"\\caption{{{escape(wide.title)}.{said} {ABOUT}}}", f"\\label{{{label}}}",
        f"\\smallskip\\resizebox{{{FIT}}}{{!}}{{%", f"\\begin{{tabular}}{{rl{'r' * (len(wide.heads) - 2)}}}", *body,
        "\\end{tabular}}", *_small_print(wide), "\\end{table}",
    ])  # fmt: skip


def _small_print(wide: Wide) -> list[str]:
    notes = [f"\\textsuperscript{{{number}}}\\,{escape(note)}." for number, note in enumerate(wide.notes, 1)]
    return (
        ["\\par\\smallskip", "\\begin{minipage}{\\linewidth}\\footnotesize", *notes, "\\end{minipage}"] if notes else []
    )


def _named(cells: Sequence[str]) -> str:
    """A row whose configuration is called as people call it."""
    return _row([spoken(cell) if i == NAME else cell for i, cell in enumerate(cells)])


def _row(cells: Iterable[str]) -> str:
    return " & ".join(re.sub(r"\*\*(.+?)\*\*", r"\\textbf{\1}", escape(cell)) for cell in cells) + r" \\"


def escape(words: str) -> str:
    """Plain text as LaTeX: signs, minus before a number, beta as the letter, superscript numbers of notes.

    What the fonts of an ordinary document do not have is written without its accents, or as UNKNOWN.
    """
    words = "".join(map(_typeset, plain(words)))
    words = re.sub(r"(?<![\w.-])-(?=\d)", "$-$", words)
    words = re.sub(r"-(?=-)", "-{}", words)  # two of them, as of an option, are no dash
    words = re.sub(r"\bbeta\b", r"$\\beta$", words)
    return re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"\\textsuperscript{{{m[0].translate(NORMAL)}}}", words)


def _typeset(character: str) -> str:
    if character in SIGNS:
        return SIGNS[character]
    if character.isascii() or ord(character) in NORMAL:
        return character
    letter = unicodedata.normalize("NFD", character)[0]
    return letter if character.isalpha() and letter.isascii() else UNKNOWN
