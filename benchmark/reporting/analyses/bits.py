"""Bits per dimension, what others quote of discrete data: minus the ELBO over the numbers of an example, base 2."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.columns import is_counted
from benchmark.reporting.study import Study
from benchmark.store.record import Record
from metrics.core import Score

NAME = "bits_per_dimension"


def bits(study: Study) -> Findings:
    """-ELBO / (numbers ln 2) of every run whose likelihood counts its data, which joins its scores as
    `bits_per_dimension`; a column where it is asked for, `columns=[elbo,bits_per_dimension]`.

    Densities have no such number, for it would change with the unit of their data, and pseudo-nats are none of these
    data. Everything else is in nats.
    """
    found = {folder.name: scores for folder, record in study.records if (scores := list(_scores(record)))}
    return Findings(scores=found)


def _scores(record: Record) -> Iterator[Score]:
    """None of records that do not say how large an example is."""
    shape = record.provenance.get("shape")
    if not shape or not is_counted(record.group):
        return
    unit = math.prod(shape) * math.log(2)
    for of in record.scores:
        if of.name == "elbo" and of.value is not None:
            error = None if of.stderr is None else of.stderr / unit
            note = f"over {math.prod(shape)} numbers an example"
            yield Score(
                NAME, -of.value / unit, error, "bits", "lower", reason=note, selector="bits", readout=of.readout
            )
