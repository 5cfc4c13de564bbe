"""What chooses settings: a score of the validation split, which no table shows and no probe or model was fit on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.config.plan import Plan
from benchmark.datasets import Dataset
from benchmark.measure.engine import evaluate
from benchmark.measure.readout import posteriors_of, see
from benchmark.store.checkpoint import load_checkpoint
from benchmark.store.files import Unwritable
from benchmark.store.lock import claimed
from benchmark.store.names import is_called
from benchmark.store.record import read_record, write_record
from benchmark.training.loading import load_dataset
from benchmark.training.setup import build
from benchmark.training.threads import threads
from metrics.core import Score


def validated(plan: Plan) -> float | None:
    """The score that `optimise` names, such as "iwae_50" or "mig_hist[mean]", of a finished run's validation split.

    The same estimator as on the test split, with the validation examples in the place of the test ones: probes are
    fit on the probe split as ever. The record keeps all that was measured for it as `validation`. ValueError where the
    run has no such number.
    """
    name = plan.settings.optimise
    if name is None:
        return None
    record = read_record(plan.folder)
    asked = {(readout.name, metric.name) for readout in plan.readouts for metric in plan.metrics}
    wanted = [one for one in record.scores if is_called(name, one) and (one.readout, one.selector) in asked]
    if not wanted:
        raise ValueError(f"optimise={name}: this run has no such score; add its metric to metrics=[...]")
    scores = [score for score in record.validation if is_called(name, score)]
    if not scores:
        with threads(plan.settings.threads):
            measured = _scores(plan, wanted[0].selector, wanted[0].readout)
        _keep(plan.folder, measured)
        scores = [score for score in measured if is_called(name, score)]
    found = max(scores, key=lambda score: score.num_labels or 0)
    if found.value is None:
        raise ValueError(f"optimise={name}: this run has none ({found.reason})")
    print(f"{name} = {found.value:.6g} {found.unit} of the validation split: {plan.folder.name}", flush=True)
    return found.value


def _keep(folder: Path, scores: Sequence[Score]) -> None:
    """Add scores of the validation split to the record, unless the folder is read-only."""
    try:
        with claimed(folder, wait=True):
            record = read_record(folder)
            write_record(folder, replace(record, validation=(*record.validation, *scores)))
    except Unwritable as error:
        if not error.forbidden:
            raise


def _scores(plan: Plan, selector: str, readout: str) -> tuple[Score, ...]:
    setup = build(plan, _validation_of(load_dataset(plan.dataset, plan.settings)))
    if setup.model is not None and plan.trainer is not None:
        load_checkpoint(plan.folder, setup.model, plan.identity)
    posteriors = posteriors_of(setup)
    metrics = [metric for metric in plan.metrics if metric.name == selector]
    [read] = [one for one in plan.readouts if one.name == readout]
    found = evaluate(metrics, True, *see(setup, read, posteriors), plan.settings.evaluation_seed)
    return tuple(replace(score, split="validation") for score in found.scores)


def _validation_of(dataset: Dataset) -> Dataset:
    """The data set with its validation split in the place of the test split."""
    return replace(dataset, splits={**dataset.splits, "test": dataset.splits["validation"]})
