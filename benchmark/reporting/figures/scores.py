"""Which scores a figure of a large sweep shows, in which order, and their words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metrics.declared import declared, title_of

MOST = 20  # scores of a figure


def shown(scores: Sequence[str]) -> list[str]:
    """The scores of a figure, kin beside kin, as they declare it; the first ones where none of them does."""
    places = {score: of.related if (of := declared(score.partition(" ")[0])) else 0 for score in scores}
    known = sorted(filter(places.__getitem__, _by_budget(scores)), key=places.__getitem__)
    return (known if len(known) > 1 else list(scores))[:MOST]


def words_of(score: str) -> str:
    """A score with its number of labels, as columns call it."""
    metric, space, budget = score.partition(" ")
    return title_of(metric) + space + budget


def _by_budget(scores: Sequence[str]) -> list[str]:
    return sorted(scores, key=lambda score: [int(number) for number in re.findall(r"\((\d+) labels\)", score)])
