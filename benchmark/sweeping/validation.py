"""What chooses settings: a score of the validation split, which no table shows and no probe or model was fit on."""

from __future__ import annotations

from dataclasses import replace

from benchmark.config.plan import Plan
from benchmark.datasets import Dataset
from benchmark.measure.engine import evaluate
from benchmark.measure.readout import posteriors_of, represent, trained_model_of
from benchmark.store.checkpoint import load_checkpoint
from benchmark.store.names import metric_and_code
from benchmark.store.record import read_record
from benchmark.training.loading import load_dataset
from benchmark.training.setup import build
from benchmark.training.threads import threads
from metrics.core import Score


def validated(plan: Plan) -> float | None:
    """The score that `optimise` names, such as "iwae_50" or "mig_hist[mean]", of a finished run's validation split.

    The same estimator as on the test split, with the validation examples in the place of the test ones: probes are
    fit on the probe split as ever. ValueError where the run has no such number.
    """
    name = plan.settings.optimise
    if name is None:
        return None
    wanted = [score for score in read_record(plan.folder).scores if matches(name, score)]
    if not wanted:
        raise ValueError(f"optimise={name}: this run has no such score; add its metric to metrics=[...]")
    with threads(plan.settings.threads):
        scores = _scores(plan, wanted[0].selector)
    found = max((score for score in scores if matches(name, score)), key=lambda score: score.num_labels or 0)
    if found.value is None:
        raise ValueError(f"optimise={name}: this run has none ({found.reason})")
    print(f"{name} = {found.value:.6g} {found.unit} of the validation split: {plan.folder.name}", flush=True)
    return found.value


def matches(name: str, score: Score) -> bool:
    """Whether a score, mean over factors, has that name; without brackets of any representation, mean codes first."""
    metric, code = metric_and_code(name)
    return score.name == metric and score.factor is None and (score.representation or "") in (code or "mean", code)


def _scores(plan: Plan, selector: str) -> tuple[Score, ...]:
    setup = build(plan, _validation_of(load_dataset(plan.dataset, plan.settings)))
    if setup.model is not None and plan.trainer is not None:
        load_checkpoint(plan.folder, setup.model, plan.identity)
    posteriors = posteriors_of(setup)
    metrics = [metric for metric in plan.metrics if metric.name == selector]
    trained = trained_model_of(setup, posteriors)
    return evaluate(metrics, True, represent(setup, posteriors), trained, plan.settings.evaluation_seed).scores


def _validation_of(dataset: Dataset) -> Dataset:
    """The data set with its validation split in the place of the test split."""
    return replace(dataset, splits={**dataset.splits, "test": dataset.splits["validation"]})
