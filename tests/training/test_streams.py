"""One seed, a stream for each purpose: what one draws more of changes nothing that another gives."""

from __future__ import annotations

import torch

from benchmark.training.fit import fit
from benchmark.training.noise import numpy_stream, seed_of, torch_stream
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model, build_objective
from tests.support.choices import image_dataset
from tests.support.composing import compose

SHAPE = (1, 6, 6)
STREAMS = (
    *("initialisation", "adversary", "order", "binarisation", "noise"),
    *("validation draw", "validation noise", "validation rate", "rehearsal", "draw probe", "draw test", "codes test"),
)


def parts(*overrides):
    plan = compose(["model.latent_dim=3", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]", *overrides])
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    return model, build_objective(plan, model, torch.device("cpu"))


def test_streams_of_all_names_and_seeds_are_different():
    seeds = {seed_of(seed, name) for seed in range(50) for name in STREAMS}
    assert len(seeds) == 50 * len(STREAMS)
    first = [torch.rand(8, generator=torch_stream(0, name)) for name in STREAMS]
    assert torch.stack(first).unique().numel() == 8 * len(STREAMS)
    assert numpy_stream(0, "order").random() != numpy_stream(0, "noise").random()


def images_of_a_training(num_samples):
    """Every batch (steps, B, *shape) of four epochs, which are binarised anew each time."""
    model, objective = parts("objective=iwae", f"objective.num_samples={num_samples}")
    dataset = image_dataset(SHAPE)
    train, validation = (Pixels(dataset, split, torch.device("cpu")) for split in ("train", "validation"))
    seen = []

    def watched(model, batch):
        if torch.is_grad_enabled():
            seen.append(batch.x)
        return objective(model, batch)

    fit(model, watched, train, validation, 0, steps=12, batch_size=5, validations=3)
    return torch.stack(seen)


def test_runs_that_differ_in_k_only_see_the_same_binarised_images_in_the_same_order():
    images = images_of_a_training(1)
    assert set(images.unique().tolist()) == {0.0, 1.0}
    for num_samples in (2, 5, 50):
        assert torch.equal(images_of_a_training(num_samples), images), num_samples
    epochs = images.reshape(4, 15, -1)
    assert not torch.equal(epochs[0].sort(0).values, epochs[1].sort(0).values)  # the same grey images, drawn anew


def test_initial_weights_are_those_of_the_seed_whatever_the_objective():
    weights = [parts(*chosen)[0].state_dict() for chosen in ((), ("objective=factor_vae", "objective.hidden=[4]"))]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
