"""Verdicts on claims, and how they are said: on the terminal, in Markdown, LaTeX and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmark.reporting.latex import escape
from benchmark.reporting.sections import Section

VERDICTS = ("held", "contradicted", "undecided", "unchecked")
READING = (
    "How to read them. held: the whole interval lies where the claim says, beyond its bound (0, or a margin); "
    "contradicted: the whole interval lies on the other side; undecided: the interval includes the bound; unchecked: "
    "these runs cannot decide it, and why. Primary claims are corrected for their number (Holm, 1979), so that all of "
    "them together err in at most 5 % of cases, hence intervals above 95 %; secondary ones are not, and are hints. r: "
    "correlation of the two sides over seeds, and elsewhere that of the other configurations, which decides whether "
    "seeds are paired."
)


@dataclass(frozen=True)
class Verdict:
    """What is to be thought of one claim in one comparison group, and by what numbers."""

    text: str
    where: str
    verdict: Literal["held", "contradicted", "undecided", "unchecked"]
    primary: bool = True
    quantity: str = "difference"  # what `difference` is: a share of variance, say
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    p: float | None = None  # two-sided, of the bound; not corrected
    bound: float | None = None  # what the interval is held against
    unit: str = ""
    n: int = 0
    sample: str = ""
    note: str = ""
    group: str = field(default="", compare=False)

    @property
    def claim(self) -> str:
        """The claim in words, with its rank."""
        return f"{self.text}{'' if self.primary else ' (secondary)'}"

    @property
    def numbers(self) -> str:
        """Estimate, interval and size in words; "" where there are none."""
        if self.difference is None or self.low is None or self.high is None or self.confidence is None:
            return ""
        value = " ".join(filter(None, (f"{self.quantity} {self.difference:.3g}", self.unit)))
        interval = f"{100 * self.confidence:.3g} % interval [{self.low:.3g}, {self.high:.3g}]"
        against = f" against {self.bound:g}" if self.bound else ""
        return f"{value}, {interval}{against}, {self.sample}"

    @property
    def evidence(self) -> str:
        """The numbers, and what else must be known."""
        parts = (self.note, self.numbers) if self.verdict == "unchecked" else (self.numbers, self.note)
        return "; ".join(filter(None, parts))

    def line(self, width: int = 0) -> str:
        """Two lines for a page, `width` wide in the second column of the first."""
        return f"{self.verdict:<14}{self.where:<{width}}  {self.claim}\n    {self.evidence}"


def count(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How often each verdict was given."""
    counts = Counter[str](verdict.verdict for verdict in verdicts)
    return {name: counts[name] for name in VERDICTS}


def section(verdicts: Sequence[Verdict]) -> list[Section]:
    """The claims on a page, if there are any: how to read them, then each."""
    width = max((len(verdict.where) for verdict in verdicts), default=0)
    title = f"Claims ({', '.join(f'{number} {name}' for name, number in count(verdicts).items())})"
    return [Section(title, [READING, *(verdict.line(width) for verdict in verdicts)])] if verdicts else []


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """What claims.json holds."""
    return {**count(verdicts), "claims": [asdict(verdict) for verdict in verdicts]}


def latex(verdicts: Sequence[Verdict], label: str) -> str:
    """The claims as a table in LaTeX that stands below others, "" without any; needs booktabs and tabularx."""
    if not verdicts:
        return ""
    rows = [" & ".join(map(escape, (of.where, of.claim, of.verdict, of.evidence))) + r" \\" for of in verdicts]
    begin = r"\begin{tabularx}{\linewidth}{l>{\raggedright}Xl>{\raggedright\arraybackslash}X}"
    body = [r"\toprule", r"data & claim & verdict & evidence \\", r"\midrule", *rows, r"\bottomrule"]
    start = [r"% needs tabularx too", r"\begin{table}", r"\centering", rf"\caption{{Claims. {escape(READING)}}}"]
    start += [rf"\label{{{label}}}\smallskip"]
    return "\n".join(["", *start, begin, *body, r"\end{tabularx}", r"\end{table}", ""])
