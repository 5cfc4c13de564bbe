"""Each metric on ten axes of codes with the factors of dSprites, at several numbers of examples; on one thread."""

from __future__ import annotations

import numpy as np
from threadpoolctl import threadpool_limits

from tests.bench.metrics import DSPRITES, seconds, sprites_like
from tests.speed.core import Row
from tests.support.metric_cases import METRICS

SIZES = ((1000, 500), (10_000, 5_000))  # that probes may fit on, and that scores are of


def rows(quick: bool) -> list[Row]:
    """CPU seconds, once: what a metric costs depends on its codes more than on the moment."""
    found = []
    with threadpool_limits(1):
        for train, test in SIZES[: 1 if quick else 2]:
            codes = sprites_like(train, 10, test=test, sizes=DSPRITES)
            for name, metric in METRICS.items():
                metric(sprites_like(50, 10), np.random.default_rng(0))  # imports
                found.append(Row(name, test, "examples", seconds(metric, codes), note=f"{train} to fit on"))
    return found
