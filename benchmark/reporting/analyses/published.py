"""Numbers of papers that none of our runs stands beside."""

from __future__ import annotations

from collections import defaultdict

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study


def not_run(study: Study) -> Findings:
    """A line for each source, data set and score of a paper that has no run of ours."""
    lines: dict[str, list[str]] = defaultdict(list)
    for row in study.published:
        if not any(row.is_of(record) for _, record in study.records):
            lines[row.note].append(f"{row.method}: {row.text}")
    found = [f"{'; '.join(numbers)}\n    {note}" for note, numbers in lines.items()]
    return Findings(sections=[Section("Published, not run here", found)] if found else [])
