"""The analyses of a study, functions Study -> Findings; this list is the only one, and its order is that of a page."""

from __future__ import annotations

from dataclasses import replace

from benchmark.reporting.analyses.between_scores import correlations, variance
from benchmark.reporting.analyses.bits import bits
from benchmark.reporting.analyses.claims import claims
from benchmark.reporting.analyses.failures import Failures
from benchmark.reporting.analyses.figures import boards, bounds, convergence, matrices, options, rate_distortion_plane
from benchmark.reporting.analyses.findings import Analysis, Findings, checked
from benchmark.reporting.analyses.pairs import pairs
from benchmark.reporting.analyses.plane import plane
from benchmark.reporting.analyses.pressure import pressure
from benchmark.reporting.analyses.published import not_run
from benchmark.reporting.analyses.udr import udr
from benchmark.reporting.analyses.warnings import warnings
from benchmark.reporting.study import Study

ANALYSES: tuple[Analysis, ...] = (
    udr,  # first: its scores join those that all others see, as do
    bits,
    plane,  # whose distances join the scores
    rate_distortion_plane,
    bounds,
    options,
    pressure,
    boards,
    matrices,
    convergence,
    correlations,
    variance,
    claims,
    pairs,
    warnings,
    not_run,
)


def analysed(study: Study) -> tuple[Study, list[Findings], Failures]:
    """What every analysis finds, the study with the scores that they add, and the analyses that raised."""
    found, failed = list[Findings](), Failures()
    for analysis in ANALYSES:
        with failed.kept(analysis.__name__):
            findings = replace(checked(analysis(study)), analysis=analysis.__name__)
            study = study.joined(findings.scores, findings.unreadable)
            found.append(findings)
    return study, found, failed
