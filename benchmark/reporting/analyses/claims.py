"""What an experiment claimed, and what its runs say of it."""

from __future__ import annotations

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.checking import check
from benchmark.reporting.claims import parse_claims
from benchmark.reporting.latex import label_of
from benchmark.reporting.study import Study
from benchmark.reporting.verdicts import as_json, latex, section
from benchmark.store.manifest import FILE as MANIFEST


def claims(study: Study) -> Findings:
    """A verdict for each claim and comparison group, in words, as claims.json and as a table in LaTeX."""
    try:
        verdicts = check(study.records, parse_claims(study.manifest.get("claims", [])), study.manifest)
    except ValueError as error:
        return Findings(unreadable={MANIFEST: str(error)})
    label = f"{label_of(study.name)}-claims"
    return Findings(sections=section(verdicts), documents={"claims": as_json(verdicts)}, latex=latex(verdicts, label))
