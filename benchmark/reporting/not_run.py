"""Numbers of papers that none of our runs stands beside, as a section of the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from benchmark.reporting.warnings import Section
from benchmark.store.published import Published
from benchmark.store.record import Record


def not_run(rows: Sequence[Published], records: Iterable[Record]) -> list[Section]:
    """The numbers that none of the runs stands beside: a line for each source, data set and score."""
    records = list(records)
    lines: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not any(row.is_of(record) for record in records):
            lines[row.note].append(f"{row.method}: {row.text}")
    found = [f"{'; '.join(numbers)}\n    {note}" for note, numbers in lines.items()]
    return [Section("Published, not run here", found)] if found else []
