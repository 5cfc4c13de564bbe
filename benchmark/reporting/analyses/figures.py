"""The figures of single scores: rate and distortion, scores against options, leaderboards, matrices."""

from __future__ import annotations

from functools import partial

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.figures.heatmaps import heatmaps
from benchmark.reporting.figures.leaderboard import leaderboard
from benchmark.reporting.figures.options import option_figures
from benchmark.reporting.figures.rate_distortion import rate_distortion
from benchmark.reporting.study import Study


def plane(study: Study) -> Findings:
    """What the code costs against what the decoder misses."""
    return Findings(figures={"rate_distortion": lambda: rate_distortion(*study.drawn)})


def options(study: Study) -> Findings:
    """Every score against every option that varies."""
    return Findings(figures=option_figures(study.folder, *study.drawn))


def boards(study: Study) -> Findings:
    """Every score of every configuration."""
    return Findings(figures={"leaderboard": lambda: leaderboard(*study.drawn)})


def matrices(study: Study) -> Findings:
    """What each code knows of each factor, a panel per configuration."""
    return Findings(figures={"matrices": lambda: partial(heatmaps, study.folder)(*study.drawn)})
