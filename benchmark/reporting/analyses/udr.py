"""UDR, the one score that needs many runs: do the seeds of a configuration find the same axes? Codes (N, D) a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.study import Study
from benchmark.store.codes import FILE as CODES
from benchmark.store.codes import read_test_codes
from benchmark.store.record import Record
from metrics.core import Score
from metrics.udr import NAMES
from metrics.udr import udr as compared

SEED = 0
Run = tuple[Path, Record]
Arrays = tuple[np.ndarray, np.ndarray]


class Unread(ValueError):
    """A run without the codes of a model with a rate; the message is a row's reason."""


def udr(study: Study) -> Findings:
    """`udr_lasso` and `udr_spearman` of every trained run that has other seeds, which join its scores.

    The axes of two seeds are compared on the test examples (Duan et al., 2020; see metrics.udr). A run whose codes are
    not there, or that has no rate, gets rows with a reason; one that is alone in its configuration gets none.
    """
    return Findings(scores={run: scores for of in _configurations(study.records) for run, scores in _scored(of)})


def _configurations(records: Sequence[Run]) -> Iterator[list[Run]]:
    """The trained, finished runs that differ in their seed alone, where there are two or more."""
    groups: dict[str, list[Run]] = defaultdict(list)
    for folder, record in records:
        if record.status == "finished" and not record.reference:
            groups[record.configuration].append((folder, record))
    yield from (of for of in groups.values() if len(of) > 1)


def _scored(runs: Sequence[Run]) -> Iterator[tuple[str, list[Score]]]:
    read: list[tuple[str, Arrays]] = []
    for folder, _ in runs:
        try:
            codes = _test_codes(folder)
            if read and len(codes[0]) != len(read[0][1][0]):
                raise Unread(f"the run's {CODES} is of other examples")
            read.append((folder.name, codes))
        except Unread as error:
            yield folder.name, [_score(name, None, str(error)) for name in NAMES]
    if len(read) < 2:
        yield from ((run, [_score(name, None, "no other seed's codes") for name in NAMES]) for run, _ in read)
        return
    means, rates = zip(*((mean, _rates(mean, stddev)) for _, (mean, stddev) in read), strict=True)
    found = compared(means, rates, np.random.default_rng(SEED))
    many = len(read) - 1
    reason = f"median over {many} other seeds" if many > 1 else "of one other seed"
    for i, (run, _) in enumerate(read):
        yield run, [_score(name, float(found[name].scores[i]), reason) for name in NAMES]


def _score(name: str, value: float | None, reason: str) -> Score:
    return Score(name, value, None, "score", "higher", "mean", reason=reason, selector="udr")


def _test_codes(folder: Path) -> Arrays:
    if not (folder / CODES).exists():
        raise Unread(f"the run has no {CODES}")
    try:
        mean, stddev, known = read_test_codes(folder / CODES)
    except ValueError as error:
        raise Unread(f"the run's {CODES} cannot be read") from error
    if stddev is None or not (stddev > 0).all():
        raise Unread("a point code has no rate")
    if mean.shape != stddev.shape:
        raise Unread(f"the run's {CODES} has means and deviations of two shapes")
    if known != ("diagonal", "standard_normal"):
        raise Unread("the rate of an axis is known for diagonal Gaussians and a standard normal prior only")
    return mean, stddev


def _rates(mean: np.ndarray, stddev: np.ndarray) -> np.ndarray:
    """KL(q(z_d|x) || N(0, 1)) per axis (D,), nats."""
    return (0.5 * (mean**2 + stddev**2 - 1.0) - np.log(stddev)).mean(axis=0)
