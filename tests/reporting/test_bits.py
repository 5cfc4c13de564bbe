"""Bits per dimension: minus the ELBO in base 2 over the numbers of an example, where there are probabilities."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.reporting.analyses.bits import NAME, bits
from benchmark.reporting.study import Study
from metrics.core import Score
from tests.support.records import record, runs

ELBO = Score("elbo", -64 * math.log(2), 6.4 * math.log(2), "nats", "higher")


def found(measure, shape=(1, 8, 8), scores=(ELBO,)):
    one = record("digits")
    about = {**one.provenance, "shape": list(shape)} if shape else {}
    one = replace(one, group=f"digits/static/{measure}/0123abcd", provenance=about, scores=scores)
    study = Study(Path(), runs(one), {})
    return study, bits(study)


def test_a_bit_for_each_pixel_is_one():
    study, findings = found("counting")
    [[score]] = findings.scores.values()
    assert (score.value, score.stderr, score.unit) == (pytest.approx(1), pytest.approx(0.1), "bits")
    table = study.joined(findings.scores, {}).table
    assert table.loc[table["metric"] == NAME, "value"].tolist() == [pytest.approx(1)]


@pytest.mark.parametrize(
    "made",
    [
        {"measure": "pseudo-nats"},
        {"measure": "lebesgue"},
        {"measure": "counting", "shape": None},
        {"measure": "counting", "scores": (replace(ELBO, value=None),)},
    ],
)
def test_no_other_run_has_any(made):
    assert found(**made)[1].scores == {}
