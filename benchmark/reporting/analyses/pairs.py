"""Two settings that a claim says are alike, side by side: where they are in nats, and what they see and dream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.claims import Claim, Unchecked, parse_claims, sides_of
from benchmark.reporting.figures.pairs import Pair, Side, pairs_figure
from benchmark.reporting.study import Study
from benchmark.store.asked import Asked, asked
from metrics.core import AMORTISED

PICTURES = {"reconstructions.png": "test images, and what is decoded from their codes",
            "prior_samples.png": "decoded from draws of the prior"}  # fmt: skip
SHOWN = (("rate", ""), ("distortion", ""), ("elbo", ""), ("code_gain", ""), ("linear_probe_nats", "sample"),
         ("linear_probe_accuracy", "mean"))  # fmt: skip  # score, view


def pairs(study: Study) -> Findings:
    """For every claim that two sides are within a margin: their scores (pairs.csv) and pictures beside each other."""
    found = [pair for claim in _claims(study) for pair in _pairs(study, claim)]
    rows = [
        {"claim": pair.text, "side": side.name, **side.scores, "n": side.n} for pair in found for side in pair.sides
    ]
    return Findings(tables={"pairs": pd.DataFrame(rows)}, figures={"pairs": partial(pairs_figure, found)})


def _claims(study: Study) -> list[Claim]:
    try:
        claims = parse_claims(study.manifest.get("claims", []))
    except ValueError:  # which the claims themselves report
        return []
    return [claim for claim in claims if claim.relation == "within" and claim.against is None]


def _pairs(study: Study, claim: Claim) -> Iterator[Pair]:
    """A pair in each comparison group that has finished runs on both sides."""
    runs = [run for run in asked(study.records, study.manifest) if run.record and run.record.status == "finished"]
    for group in dict.fromkeys(run.group for run in runs):
        try:
            sides = sides_of(claim, [run for run in runs if run.group == group])
        except Unchecked:
            continue
        if all(sides.values()):
            yield Pair(claim.text, [_side(of) for of in sides.values()])


def _side(runs: Sequence[Asked]) -> Side:
    """Means over seeds, and the pictures of the first one."""
    first = runs[0]
    options = first.config.get("objective") or {}
    said = ", ".join(f"{key}={value:g}" for key, value in options.items() if type(value) in (int, float) and value)
    folder = first.folder
    there = {words: folder / name for name, words in PICTURES.items() if folder and (folder / name).is_file()}
    scores = {f"{name}[{view}]" if view else name: _mean(runs, name, view) for name, view in SHOWN}
    return Side(f"{first.choices.get('objective', '')} {said}".strip(), scores, len(runs), there)


def _mean(runs: Sequence[Asked], name: str, view: str) -> float:
    """Of the greatest number of labels, over seeds; NaN where nothing is measured."""
    values = []
    for run in runs:
        scores = run.record.scores if run.record else ()
        found = [one for one in scores if one.name == name and one.factor is None and one.readout == AMORTISED
                 and (one.representation or "") == view and one.value is not None]  # fmt: skip
        if found:
            values.append(max(found, key=lambda one: one.num_labels or 0).value)
    return float(np.mean(np.array(values, dtype=float))) if values else float("nan")
