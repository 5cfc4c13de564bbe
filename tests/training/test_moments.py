"""The optimiser of Burda's released code, written out, against ours: Adam with second moments that start at one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.training.fit import fit
from benchmark.training.moments import start_second_moments
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model
from models.objectives import elbo
from tests.support.choices import image_dataset
from tests.support.composing import compose

BATCH = 20


def of_the_code(start, gradients, rate):
    """Descent as there: the epsilon beside uncorrected second moments, which start at one; gradients are sums."""
    value, first, second = start.copy(), np.zeros_like(start), np.ones_like(start)
    for step, gradient in enumerate(gradients, start=1):
        first = 0.99 * first + 0.01 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        alpha = rate * np.sqrt(1 - 0.999**step) / (1 - 0.99**step)
        value -= alpha * first / (np.sqrt(second) + 1e-4)
    return value


@pytest.mark.parametrize("fused", [True, False])
def test_adam_from_given_second_moments_is_that_of_the_released_code(fused):
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(6), 5 * rng.standard_normal((30, 6))
    value = torch.nn.Parameter(torch.tensor(start))
    options = compose(["trainer=burda2016_code"]).trainer.options
    assert options["optimizer"] == "Adam"
    assert options["batch_size"] == BATCH
    made = torch.optim.Adam([value], lr=1e-2, **{**options["optimizer_options"], "fused": fused})
    start_second_moments(made, options["initial_second_moment"])
    assert np.array_equal(value.detach(), start)
    made.param_groups[0]["lr"] = 1e-2
    for gradient in gradients:
        value.grad = torch.tensor(gradient / BATCH)  # ours are means over the batch
        made.step()
    moved = value.detach().numpy() - start
    np.testing.assert_allclose(moved, of_the_code(start, gradients, 1e-2) - start, rtol=1e-3)
    assert np.abs(moved).max() > 0.01


def trained(**options):
    dataset = image_dataset((1, 6, 6))
    train, validation = (Pixels(dataset, split, torch.device("cpu")) for split in ("train", "validation"))
    model = build_model(compose(["model.latent_dim=2"]), (1, 6, 6), train.mean())
    fit(model, elbo, train, validation, 0, steps=4, batch_size=5, validations=1, **options)
    return torch.cat([value.detach().flatten() for value in model.parameters()])


def test_the_trainer_starts_the_second_moments():
    usual, same, slow = trained(), trained(initial_second_moment=0.0), trained(initial_second_moment=1.0)
    assert torch.equal(usual, same)
    assert not torch.allclose(usual, slow)


def test_an_optimiser_without_second_moments_is_refused():
    with pytest.raises(ValueError, match=r"^trainer\.initial_second_moment=1\.0: SGD has no second moments .*Adam"):
        trained(optimizer="SGD", initial_second_moment=1.0)


def test_batches_may_keep_the_order_of_the_data_set():
    class Watched(Pixels):
        seen: list[int] = []  # noqa: RUF012

        def batch(self, rows, generator):
            self.seen += rows.tolist()
            return super().batch(rows, generator)

    dataset = image_dataset((1, 6, 6))
    train = Watched(dataset, "train", torch.device("cpu"))
    validation = Pixels(dataset, "validation", torch.device("cpu"))
    model = build_model(compose(["model.latent_dim=2"]), (1, 6, 6), train.mean())
    fit(model, elbo, train, validation, 0, steps=6, batch_size=5, validations=1, shuffle=False)
    assert train.seen == 2 * list(range(15))
