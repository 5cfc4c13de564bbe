"""Update rules on stacked weights are torch.optim's, member by member, at a rate of its own each."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from benchmark.training.rules import RULES, clip, each, starting
from models.types import Optimizer

OPTIONS = {
    "Adam": [{}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"weight_decay": 0.1, "amsgrad": True}],
    "AdamW": [{}, {"weight_decay": 0.3}, {"amsgrad": True}],
    "SGD": [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.2, "weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True},
    ],
    "Adagrad": [{}, {"lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.1}],
    "RMSprop": [{}, {"alpha": 0.9, "centered": True}, {"momentum": 0.8, "weight_decay": 0.1}],
}
RATES = (1e-3, 0.1, 3e-2)
SHAPE = (4, 3)


def test_every_optimiser_that_a_trainer_names_has_a_rule():
    assert set(get_args(Optimizer)) == set(RULES) == set(OPTIONS)


@pytest.mark.parametrize(("name", "options"), [(name, one) for name, several in OPTIONS.items() for one in several])
def test_a_rule_is_torch_s(name, options):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((len(RATES), *SHAPE), generator=generator, dtype=torch.float64)
    alone = [one.clone().requires_grad_() for one in start]
    optimizers = [getattr(torch.optim, name)([one], lr=rate, **options) for one, rate in zip(alone, RATES, strict=True)]
    weights = start.clone()
    state = starting(optimizers[0], weights)
    if name == "Adagrad":  # whose sums are there before the first step
        sums = [optimizer.state[one]["sum"] for optimizer, one in zip(optimizers, alone, strict=True)]
        state = {"step": torch.zeros(()), "sum": torch.stack(sums)}
    rate = each(torch.tensor(RATES, dtype=torch.float64), weights)
    for _ in range(6):
        gradient = torch.randn(start.shape, generator=generator, dtype=torch.float64)
        RULES[name](weights, gradient.clone(), state, rate, optimizers[0].param_groups[0])
        for one, its, optimizer in zip(alone, gradient, optimizers, strict=True):
            one.grad = its.clone()
            optimizer.step()
    torch.testing.assert_close(weights, torch.stack([one.detach() for one in alone]), rtol=0, atol=1e-12)
    for place, (one, optimizer) in enumerate(zip(alone, optimizers, strict=True)):
        its = {key: value for key, value in optimizer.state[one].items() if isinstance(value, torch.Tensor)}
        assert its.keys() == state.keys()
        for key, value in its.items():
            torch.testing.assert_close(state[key] if key == "step" else state[key][place], value, check_dtype=False)


def test_clipping_is_torch_s_for_each_member():
    generator = torch.Generator().manual_seed(0)
    gradients = [torch.randn((3, *shape), generator=generator, dtype=torch.float64) for shape in ((4, 2), (5,), ())]
    alone = [[gradient[place].clone() for gradient in gradients] for place in range(3)]
    most = (0.5, float("inf"), 100.0)
    clip(gradients, torch.tensor(most, dtype=torch.float64))
    for place, its in enumerate(alone):
        parameters = [torch.zeros_like(gradient, requires_grad=True) for gradient in its]
        for parameter, gradient in zip(parameters, its, strict=True):
            parameter.grad = gradient
        torch.nn.utils.clip_grad_norm_(parameters, most[place])
        for gradient, parameter in zip(gradients, parameters, strict=True):
            torch.testing.assert_close(gradient[place], parameter.grad, rtol=0, atol=1e-14)
