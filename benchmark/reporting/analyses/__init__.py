"""The analyses of a study, functions Study -> Findings; this list is the only one, and its order is that of a page."""

from __future__ import annotations

from benchmark.reporting.analyses.between_scores import correlations, variance
from benchmark.reporting.analyses.claims import claims
from benchmark.reporting.analyses.figures import boards, bounds, matrices, options, rate_distortion_plane
from benchmark.reporting.analyses.findings import Analysis, Findings
from benchmark.reporting.analyses.published import not_run
from benchmark.reporting.analyses.udr import udr
from benchmark.reporting.analyses.warnings import warnings
from benchmark.reporting.study import Study

ANALYSES: tuple[Analysis, ...] = (
    udr,  # first: its scores join those that all others see
    rate_distortion_plane,
    bounds,
    options,
    boards,
    matrices,
    correlations,
    variance,
    claims,
    warnings,
    not_run,
)


def analysed(study: Study) -> tuple[Study, list[Findings]]:
    """What every analysis finds, and the study with the scores that they add."""
    found = []
    for analysis in ANALYSES:
        findings = analysis(study)
        study = study.joined(findings.scores, findings.unreadable)
        found.append(findings)
    return study, found
