"""What an analysis gives: more scores, tables, figures, sections, and files of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study
from metrics.core import Score

Draw = Callable[[], Figure | None]


@dataclass(frozen=True)
class Findings:
    """All of it by name; values stay values until they are written or drawn."""

    scores: Mapping[str, Sequence[Score]] = field(default_factory=dict)  # name of a run's folder -> what joins its own
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # <name>.csv, which an empty one removes
    figures: Mapping[str, Draw] = field(default_factory=dict)  # <name>.png, which None removes
    sections: Sequence[Section] = ()
    documents: Mapping[str, Any] = field(default_factory=dict)  # <name>.json
    latex: str = ""  # stands below the tables in leaderboard.tex
    unreadable: Mapping[str, str] = field(default_factory=dict)  # name of a file -> what is wrong with it
    analysis: str = ""  # whose they are; who calls it says so


Analysis = Callable[[Study], Findings]


def checked(found: Any) -> Findings:
    """What an analysis gave, if it is findings whose sections and LaTeX can be printed; TypeError otherwise."""
    if not isinstance(found, Findings):
        raise TypeError(f"gives {type(found).__name__}, expected Findings")
    for section in found.sections:
        if not isinstance(section, Section) or not all(isinstance(line, str) for line in section.lines):
            raise TypeError(f"gives {section!r}, expected a Section of a title and lines")
    if not isinstance(found.latex, str):
        raise TypeError(f"gives LaTeX of type {type(found.latex).__name__}, expected str")
    return found
