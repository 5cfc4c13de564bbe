"""What holds of every objective: finite values (nats), gradients, the same for the same noise, stacked or alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmark.checks import gradients, stacking
from benchmark.checks.laws import equal, hold
from benchmark.config.plan import Plan
from benchmark.training.setup import build_model, build_objective
from models.auxiliary import auxiliaries_of
from models.noise import Stream
from models.vae import VAE, Batch

SHAPE = (1, 12, 12)
SIZE = 7


def built(plan: Plan, shape: tuple[int, ...] = SHAPE) -> tuple[VAE, Any]:
    """The model of a plan on images of a shape, and its objective."""
    model = build_model(plan, shape, torch.full(shape, 0.3))
    return model, build_objective(plan, model, torch.device("cpu"))


def value_of(model: VAE, objective: Any, shape: tuple[int, ...] = SHAPE) -> Tensor:
    """The objective on 7 binary images, at step 10 of 100."""
    x = torch.rand((SIZE, *shape), generator=torch.Generator().manual_seed(0)).round()
    return objective(model, Batch(x, 10, 100, Stream.seeded(1)))


def finite_with_gradients_to_every_parameter(plan: Plan) -> None:
    """(B,) finite values, or one of the whole batch, whose gradient reaches every parameter of the model."""
    model, objective = built(plan)
    value = value_of(model, objective)
    hold(isinstance(value, Tensor), f"gives {type(value).__name__}, expected a tensor")
    hold(value.shape in [(SIZE,), ()], f"gives shape {tuple(value.shape)}, expected (B,) = ({SIZE},), or () of a batch")
    hold(value.isfinite().all(), "gives values that are NaN or infinite")
    hold(value.requires_grad, "gives a value without a gradient")
    value.mean().backward()
    for key, parameter in model.named_parameters():
        if parameter.requires_grad:
            hold(parameter.grad is not None, f"no gradient reaches {key}")
            assert parameter.grad is not None
            hold(parameter.grad.isfinite().all(), f"the gradient of {key} is NaN or infinite")
            hold(parameter.grad.abs().sum() > 0, f"the gradient of {key} is zero")


def same_noise_same_value(plan: Plan) -> None:
    """All randomness is that of the batch's noise."""
    first, second = (value_of(*built(plan)) for _ in range(2))
    hold(equal(first, second), "gives two values for one noise; draw from batch.noise alone")


def own_networks_learn_by_themselves(plan: Plan) -> None:
    """What each network of the objective's own maximises is finite, reaches all of its parameters and no other."""
    model, objective = built(plan)
    for own in auxiliaries_of(objective):
        value = value_of(model, own.value)
        hold(value.isfinite().all(), f"the value of the {own.name} is NaN or infinite")
        value.mean().backward()
        for key, parameter in own.module.named_parameters():
            hold(parameter.grad is not None, f"no gradient reaches {key} of the {own.name}")
        for key, parameter in model.named_parameters():
            hold(parameter.grad is None, f"the value of the {own.name} has a gradient to {key} of the model")


LAWS = (
    finite_with_gradients_to_every_parameter,
    same_noise_same_value,
    own_networks_learn_by_themselves,
    *stacking.LAWS,
    *gradients.LAWS,
)
