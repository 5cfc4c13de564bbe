"""Metrics that were left out of runs, told by their reasons: one line for all that have the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

ADVICE = " (use metrics="  # how a reason goes on for somebody who had asked for the metric


def by_reason(runs: Iterable[Mapping[str, str]]) -> dict[str, Counter[str]]:
    """reason -> selector -> number of runs, of what each run left out (selector -> reason)."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for left_out in runs:
        for name, why in left_out.items():
            found[why.removeprefix(f"{name} ").split(ADVICE)[0]][name] += 1
    return {_plural(why) if len(names) > 1 else why: names for why, names in found.items()}


def lines(left_out: Mapping[str, str]) -> list[str]:
    """What one run left out, a line for each reason with every selector that has it."""
    return [f"left out: {', '.join(sorted(names))}: {why}" for why, names in by_reason([left_out]).items()]


def _plural(why: str) -> str:
    return f"need {why[6:]}" if why.startswith("needs ") else why
