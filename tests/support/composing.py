"""Plans as `benchmark.config.compose.compose` gives them, each distinct choice composed once in a process of tests."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.config.compose import Composer
from benchmark.config.plan import Plan

_ours = Composer()  # of conf/ alone: nothing of Hydra's own, no package of a user's


def compose(overrides: Sequence[str]) -> Plan:
    """The checked plan of one run; ConfigurationError where Hydra or a signature refuses the overrides."""
    return _ours.plan(list(overrides))
