"""Deep VIB: labels are scored and pixels are seen, never the other way round; known answers of its scores; refusals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmark.checks import models, objectives
from benchmark.config.components import ConfigurationError
from benchmark.experiment import run
from benchmark.measure import densities
from benchmark.measure.classification import classification
from benchmark.measure.densities import rate_distortion
from benchmark.measure.readout import posteriors_of, trained_model_of
from benchmark.measure.train_split import train_split
from benchmark.training.loading import load_dataset, measure_of
from benchmark.training.setup import build
from metrics.core import Inapplicable
from models.distributions import Delta
from models.noise import Stream
from models.supervised import VIB, LabelOf
from models.vae import Batch
from tests.support.composing import compose

DATA = "dataset=digits_with_labels"
SMALL = [DATA, "model=vib", "model.latent_dim=3", "model.hidden=[8]"]
CLASSES = 10


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(densities, "RATE_WORK", 2**22)


@pytest.fixture(scope="module")
def setup():
    return build(compose([*SMALL, "objective=vib", "model.hidden=[8]"]))


@pytest.fixture
def trained(setup):
    return replace(trained_model_of(setup, posteriors_of(setup)), noise=Stream.seeded(0))


def relabelled(x):
    """The same pixels, with the labels of other examples."""
    return torch.cat([x[:, :-CLASSES], x[:, -CLASSES:].roll(1, -1)], 1)


def test_an_example_is_its_pixels_and_then_its_label():
    data, plain = (load_dataset(compose([of]).dataset, compose([of]).settings) for of in (DATA, "dataset=digits"))
    assert data.labels == CLASSES
    assert data.shape == (74,)
    assert np.array_equal(data.images[:, :64], plain.images.reshape(-1, 64))
    assert np.array_equal(data.images[:, 64:].argmax(1), plain.factors[:, 0])
    assert np.array_equal(np.sort(data.images[:, 64:], 1), [[0] * 9 + [255]] * len(data.images))
    assert all(np.array_equal(data.splits[split], plain.splits[split]) for split in data.splits)
    assert data.checksum != plain.checksum


def test_the_cross_entropy_is_that_of_the_logits_by_hand():
    logits = torch.tensor([[1.0, -2.0, 0.5]])
    x = torch.tensor([[0.3, 0.9, 0.0, 1.0, 0.0]])
    found = LabelOf(logits, 5).log_prob(x)
    by_hand = -2.0 - math.log(math.exp(1.0) + math.exp(-2.0) + math.exp(0.5))
    assert float(found[0]) == pytest.approx(by_hand, abs=1e-6)
    assert found[0] == -torch.nn.functional.cross_entropy(logits, torch.tensor([1]))
    everything = torch.cat([torch.zeros(3, 2), torch.eye(3)], 1)
    assert float(LabelOf(logits, 5).log_prob(everything).exp().sum()) == pytest.approx(1, abs=1e-6)


def test_the_encoder_is_blind_to_labels_and_the_decoder_to_pixels(setup):
    x = setup.drawn["test"][:5].clone().requires_grad_()
    posterior = setup.model.encoder(x)
    [gradient] = torch.autograd.grad((posterior.mean + posterior.stddev).sum(), x)
    assert (gradient[:, -CLASSES:] == 0).all()
    assert (gradient[:, :-CLASSES] != 0).any()
    changed = setup.model.encoder(relabelled(x))
    assert torch.equal(changed.mean, posterior.mean)
    assert torch.equal(changed.stddev, posterior.stddev)
    scored = setup.model.decoder(posterior.mean.detach())
    [gradient] = torch.autograd.grad(scored.log_prob(x).sum(), x)
    assert (gradient[:, :-CLASSES] == 0).all()
    assert torch.equal(scored.log_prob(torch.cat([1 - x[:, :-CLASSES], x[:, -CLASSES:]], 1)), scored.log_prob(x))
    assert not torch.equal(scored.log_prob(relabelled(x)), scored.log_prob(x))


def test_it_is_a_model_as_all_others_are(setup):
    """Shapes of its three distributions, and weights by the seed alone."""
    models.distributions_of_the_right_shape(setup.model, (74,))
    again = build(setup.plan).model
    assert all(torch.equal(a, b) for a, b in zip(setup.model.parameters(), again.parameters(), strict=True))


def test_the_objective_is_the_papers_and_reaches_every_parameter(setup):
    """E log p(y|z) - beta KL, by hand at beta = 0.001."""
    model, objective = objectives.built(setup.plan, (74,))
    x = setup.drawn["test"][:6]
    value = objective(model, Batch(x, 0, 100, Stream.seeded(1)))
    found = model.infer(x, 1, Stream.seeded(1))
    mean, s = found.posterior.mean, found.posterior.stddev
    kl = 0.5 * (mean.square() + s.square() - 1 - 2 * s.log()).sum(-1)
    torch.testing.assert_close(value, found.log_px_z[0] - 0.001 * kl)
    value.sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_scores_are_those_of_the_probabilities(trained):
    """Each by hand from the logits: error, its average over draws, and H(Y) less the cross-entropy."""
    found = {score.name: score for score in classification(trained, num_samples=3)}
    labels = trained.x[:, -CLASSES:].argmax(1)
    shares = torch.bincount(labels).double() / len(labels)
    entropy = float(-(shares * shares.log()).sum())
    distortion = {score.name: score for score in rate_distortion(trained)}["distortion"]
    assert found["label_information"].value == pytest.approx(entropy - distortion.value, abs=1e-3)
    assert 0.7 < found["classification_error"].value <= 1  # untrained
    error = found["classification_error"]
    assert error.stderr == pytest.approx(math.sqrt(error.value * (1 - error.value) / (len(labels) - 1)), rel=1e-6)


def test_a_decoder_that_knows_has_no_error_and_all_information(trained):
    """Codes that are the label itself: a point for each example, set by hand."""
    knowing = VIB((74,), torch.zeros(74), latent_dim=CLASSES, hidden=(8,))
    with torch.no_grad():
        knowing.decoder.network.weight.copy_(50 * torch.eye(CLASSES))
        knowing.decoder.network.bias.zero_()
    posteriors = [Delta(block[:, -CLASSES:]) for block, _ in trained.blocks()]
    sure = replace(trained, model=knowing, posteriors=posteriors, found={})
    found = {score.name: score.value for score in classification(sure)}
    assert found["classification_error"] == found["classification_error_averaged"] == 0
    assert found["label_information"] == pytest.approx(math.log(10), abs=2e-3)  # 40 of each class in 400


def test_training_images_are_scored_as_test_images_are(trained):
    """With the test rows in the place of the training rows the gap is zero, up to the draws."""
    data = trained.dataset
    same = replace(data, splits={**data.splits, "train": data.splits["test"]})
    found = {score.name: score for score in train_split(replace(trained, dataset=same, noise=Stream.seeded(1)))}
    known = {score.name: score for score in rate_distortion(trained)}
    assert found["rate_train"].value == pytest.approx(known["rate"].value, abs=1e-6)
    assert abs(found["distortion_gap"].value) < 0.02
    few = train_split(replace(trained, noise=Stream.seeded(1)), num_examples=7)
    assert few[0].reason.startswith("7 training images")


def test_the_measure_is_counting_and_a_mismatch_is_one_line():
    plan = compose(SMALL)
    data = load_dataset(plan.dataset, plan.settings)
    assert measure_of(plan, data) == "counting"
    for overrides, line in (
        ([DATA, "model=mlp"], r"^likelihood=bernoulli: .*digits_with_labels are labelled; use model=vib$"),
        ([DATA, "model=pca"], r"^model=pca: .*digits_with_labels are labelled; use model=vib$"),
        (["dataset=digits", "model=vib"], r"^model=vib: is of labelled .*use a data set with labels.*$"),
        ([*SMALL, "model.classes=9"], r"^model.classes=9: examples of .* end in a label of 10 classes; .*$"),
    ):
        with pytest.raises(ConfigurationError, match=line):
            build(compose(overrides))
    with pytest.raises(ConfigurationError, match=r"^likelihood=gaussian: model=vib makes its own likelihood"):
        compose([*SMALL, "likelihood=gaussian"])


def test_a_readout_that_sees_labels_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"^readout=optimised: looks at the label"):
        run([*SMALL, "objective=vib", "readout=[amortised,optimised]", f"results_dir={tmp_path}"])


def test_scores_of_labels_need_a_model_of_labels():
    setup = build(compose(["dataset=digits", "model.latent_dim=3"]))
    with pytest.raises(Inapplicable, match="model of labels"):
        classification(trained_model_of(setup, posteriors_of(setup, 2)))


def test_a_classifier_without_noise_trains_and_is_measured(tmp_path):
    """The deterministic baseline: no rate, a cross-entropy and one error."""
    record = run([*SMALL, "model.latent_dim=16", "model.hidden=[32]", "posterior=delta", "objective=autoencoder",
                  "trainer=quick", "trainer.steps=300", "metrics=[rate_distortion,classification,train_split]",
                  f"results_dir={tmp_path}"])  # fmt: skip
    assert record.score("rate").value is None
    assert record.score("rate_train").value is None
    assert record.score("classification_error").value == record.score("classification_error_averaged").value < 0.15
    assert record.score("distortion").value < 0.6
    assert record.group.startswith("digits_with_labels/none/counting/")
