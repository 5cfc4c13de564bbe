"""The figures of single scores: rate and distortion, scores against options, leaderboards, matrices."""

from __future__ import annotations

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.bounds import bounds_table
from benchmark.reporting.figures.bounds import bounds_figure
from benchmark.reporting.figures.convergence import convergence_figure
from benchmark.reporting.figures.heatmaps import heatmaps
from benchmark.reporting.figures.leaderboard import leaderboard_figure
from benchmark.reporting.figures.options import option_figures
from benchmark.reporting.figures.rate_distortion import rate_distortion_figure
from benchmark.reporting.study import Study


def rate_distortion_plane(study: Study) -> Findings:
    """What the code costs against what the decoder misses."""
    return Findings(figures={"rate_distortion": lambda: rate_distortion_figure(*study.drawn_of_encoder)})


def options(study: Study) -> Findings:
    """Every score against every option that varies."""
    return Findings(figures=option_figures(study.folder, *study.drawn))


def bounds(study: Study) -> Findings:
    """What more importance samples add to each bound on log p(x)."""
    table, board = study.drawn
    found = bounds_table(study.folder, table)
    return Findings(tables={"bounds": found}, figures={"bounds": lambda: bounds_figure(found, board)})


def convergence(study: Study) -> Findings:
    """What training had still to gain at each step."""
    return Findings(figures={"convergence": lambda: convergence_figure(study.folder, *study.drawn)})


def boards(study: Study) -> Findings:
    """Every score of every configuration."""
    return Findings(figures={"leaderboard": lambda: leaderboard_figure(*study.drawn)})


def matrices(study: Study) -> Findings:
    """What each code knows of each factor, a panel per configuration."""
    return Findings(figures={"matrices": lambda: heatmaps(study.folder, *study.drawn)})
