"""Rate and distortion of images that a model was trained on, beside those of test images, in nats."""

from __future__ import annotations

import math

import torch

from benchmark.datasets.core import WHOLE
from benchmark.measure.densities import TrainedModel, mean_score, sampled
from benchmark.measure.encode import BLOCK
from benchmark.training.pixels import Pixels
from benchmark.training.setup import few_of
from metrics.core import AMORTISED, Inapplicable, Score
from models.evidence import rates_and_distortions
from models.types import Count


def train_split(trained: TrainedModel, *, num_examples: Count | None = None) -> list[Score]:
    """rate_train and distortion_train, of the first `num_examples` training images (None: as many as there are test
    images; splits are in random order), and distortion_gap = distortion - distortion_train, in nats.

    Draws per image are as many as the test images have. Pixels that are binarised at each visit are drawn once. The
    standard error of the gap is that of two independent means.
    """
    model = trained.model
    if model is None:
        raise Inapplicable("codes of a reference have no density")
    if trained.dataset.protocol == WHOLE:
        raise Inapplicable("every split is all there is")
    if trained.readout != AMORTISED:
        return []
    test, samples = sampled(trained, model)
    few = few_of(trained.dataset, num_examples or len(trained.x))
    x = Pixels(few, "train", trained.x.device).drawn(trained.plan.settings.evaluation_seed, "train")
    parts = [
        rates_and_distortions(model, block, num_samples=samples, noise=trained.noise) for block in torch.split(x, BLOCK)
    ]
    note = f"{len(x)} training images, {samples} samples of z per example"
    rates = [part.rate for part in parts if part.rate is not None]
    rate = mean_score("rate_train", torch.cat(rates), None, note) if rates else _no_rate(trained.no_density)
    of_train = mean_score("distortion_train", torch.cat([part.distortion for part in parts]), "lower", note)
    of_test = mean_score("distortion", torch.cat([part.distortion for part in test]), "lower", note)
    return [rate, of_train, _gap(of_test, of_train, note)]


def _gap(test: Score, train: Score, note: str) -> Score:
    assert test.value is not None
    assert train.value is not None
    errors = (test.stderr, train.stderr)
    stderr = None if None in errors else math.hypot(*(error or 0.0 for error in errors))
    return Score("distortion_gap", test.value - train.value, stderr, "nats", None, reason=note)


def _no_rate(why: str) -> Score:
    return Score("rate_train", None, unit="nats", reason=why)
