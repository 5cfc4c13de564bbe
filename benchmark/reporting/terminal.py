"""The scores of one run or representation as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from metrics.core import AMORTISED, Score


def score_table(scores: Sequence[Score]) -> str:
    """Scores of one representation (means over factors), with the exact value beside those that have one."""
    from tabulate import tabulate

    exact = {score.name.removeprefix("exact_"): score.value for score in scores if score.name.startswith("exact_")}
    shown = [score for score in scores if score.factor is None and not score.name.startswith("exact_")]
    shown.sort(key=lambda score: score.name not in exact)  # what has an exact twin comes first
    rows = [_row(score, exact.get(score.name) if score.readout == AMORTISED else None) for score in shown]
    rows += [_row(score, None) for score in scores if score.name == "exact_log_evidence"]
    headers = ["metric", "readout", "of", "labels", "value", "± s.e.", "exact", "unit", "note"]
    needed = {"exact": bool(exact), "readout": len({score.readout for score in scores}) > 1}
    kept = [i for i, name in enumerate(headers) if needed.get(name, True)]
    rows, headers = [[row[i] for i in kept] for row in rows], [headers[i] for i in kept]
    return tabulate(rows, headers, disable_numparse=True, maxcolwidths=[None] * (len(headers) - 1) + [60])


def _row(score: Score, exact: float | None) -> list[str]:
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[score.better]
    return [
        score.name + arrow,
        score.readout,
        score.representation or "",
        "" if score.num_labels is None else str(score.num_labels),
        "—" if score.value is None else f"{score.value:.4f}",
        "" if score.stderr is None else f"{score.stderr:.4f}",
        "" if exact is None else f"{exact:.4f}",
        score.unit,
        score.reason,
    ]
