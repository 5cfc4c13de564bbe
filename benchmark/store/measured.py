"""What was measured of a run and how: by each readout, the options of the readout and of every metric asked of it.

A record's configuration has the metrics of the encoder's own readout as `metrics`, as it always had, and those of the
others, each beside the readout's options, as `readouts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.store.names import metric_and_code
from metrics.core import AMORTISED

METRICS, READOUTS = "metrics", "readouts"  # keys of a record's configuration
Options = Mapping[str, Any]


class Measured(NamedTuple):
    """One readout of a run."""

    readout: Options  # how it was read
    metrics: Mapping[str, Options]  # selector -> how it was measured


def measured(config: Mapping[str, Any]) -> dict[str, Measured]:
    """Readout -> what a record's configuration says of it."""
    others = {name: Measured(of["readout"], of[METRICS]) for name, of in config.get(READOUTS, {}).items()}
    return {AMORTISED: Measured({}, config[METRICS]), **others}


def joined(before: Mapping[str, Measured], now: Mapping[str, Measured]) -> dict[str, Any]:
    """The keys of a record's configuration: what was measured now, and of what was measured before all that still
    holds. Of a readout that has other options now, nothing does."""
    found = dict(before)
    for name, (readout, metrics) in now.items():
        found[name] = Measured(readout, {**_holding(before, name, readout), **metrics})
    others = {name: {"readout": of.readout, METRICS: of.metrics} for name, of in found.items() if name != AMORTISED}
    own = found[AMORTISED].metrics if AMORTISED in found else {}
    return {METRICS: dict(own), **({READOUTS: others} if others else {})}


def missing(before: Mapping[str, Measured], asked: Mapping[str, Measured]) -> dict[str, list[str]]:
    """Readout -> the selectors that were not measured with these very options; readouts without any are left out."""
    found = {}
    for name, (readout, metrics) in asked.items():
        done = _holding(before, name, readout)
        found[name] = [selector for selector, options in metrics.items() if done.get(selector) != options]
    return {name: selectors for name, selectors in found.items() if selectors}


def key_of(readout: str, selector: str) -> str:
    """A metric of a readout as one word: mig, mig[resampled]."""
    return selector if readout == AMORTISED else f"{selector}[{readout}]"


def whose(key: str) -> tuple[str, str]:
    """Readout and selector of such a word."""
    selector, code = metric_and_code(key)
    return code or AMORTISED, selector


def _holding(before: Mapping[str, Measured], name: str, readout: Options) -> Mapping[str, Options]:
    """The metrics of a readout that hold for these options of it; the encoder's own has none that could differ."""
    alike = name in before and (name == AMORTISED or before[name].readout == readout)
    return before[name].metrics if alike else {}
