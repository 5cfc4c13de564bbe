"""Objectives over stacked models: every one that there is a YAML for, and what the laws say of others."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch

from benchmark.checks import stacking
from benchmark.checks.laws import Broken
from models.objectives import beta_vae
from tests.support.choices import names_in
from tests.support.composing import compose

SMALL = ("model=mlp", "model.latent_dim=4", "model.encoder_hidden=[8]", "model.decoder_hidden=[8]")


@pytest.mark.parametrize("law", stacking.LAWS)
@pytest.mark.parametrize("name", names_in("objective"))
def test_stacked_models_have_the_values_and_gradients_of_each_alone(name, law):
    smaller = ["objective.hidden=[5]"] if name == "factor_vae" else []
    plan = compose([f"objective={name}", *SMALL, *smaller])
    if plan.objective is not None:
        law(plan)


def plan_of(function, **options):
    plan = compose(["objective=elbo", *SMALL])
    return replace(plan, objective=SimpleNamespace(build=lambda: partial(function, **options)))


def read_back(model, batch):
    value = model.infer(batch.x, 1, batch.noise).log_px_z[0]
    return value / value.detach().mean().item()


def branching(model, batch, *, beta):
    return beta_vae(model, batch, beta=beta) if beta > 0.5 else model.infer(batch.x, 1, batch.noise).log_px_z[0]


def hooked(model, batch):
    """A gradient that a hook changes, which torch calls inside of a map only."""
    value = model.infer(batch.x, 1, batch.noise).log_px_z[0]
    if value.requires_grad:
        value.register_hook(lambda gradient: 2 * gradient)
    return value


def hidden_stream(model, batch):
    return model.infer(batch.x, 1, batch.noise).log_px_z[0] * torch.rand(())


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        (read_back, {}, r"^takes no stack of models \(RuntimeError: .*item\(\)"),
        (hidden_stream, {}, r"^takes no stack of models \(RuntimeError: .*random"),
        (hooked, {}, r"^the gradient of .* of a model in a stack differs by .* from that of the model alone$"),
        (branching, {"beta": 1.0}, r"^takes no option that is a tensor \(RuntimeError: .*control flow"),
    ],
)
def test_what_cannot_be_stacked_is_said(function, options, said):
    law = stacking.LAWS[1 if options else 0]
    with pytest.raises(Broken, match=said) as error:
        law(plan_of(function, **options))
    assert "\n" not in str(error.value)


def test_options_of_stacked_models_are_those_of_each():
    """Four values of beta in one call, each a tensor without dimensions."""
    plan = plan_of(beta_vae, beta=4.0, warmup_fraction=0.4)
    assert stacking._Member(plan, 0).numbers == {"beta": 4.0, "warmup_fraction": 0.4}
    stacking.same_values_when_options_are_stacked(plan)
