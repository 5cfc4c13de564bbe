"""Heads, objectives, data and metrics that cannot go together are refused in one line, before anything is trained."""

from __future__ import annotations

import pytest

from benchmark.config.components import ConfigurationError
from benchmark.sweeping.prepare import prepare
from tests.support.composing import compose

IMPOSSIBLE = {
    ("objective=elbo", "posterior=delta"): "objective=elbo posterior=delta: a point posterior has no density",
    ("objective=iwae", "posterior=delta"): "objective=iwae posterior=delta: a point posterior has no density",
    ("objective=iwae_dreg", "posterior=delta"): "objective=iwae_dreg posterior=delta: a point posterior has no density",
    (
        "objective=factor_vae",
        "posterior=delta",
    ): "objective=factor_vae posterior=delta: a point posterior",
    ("objective=beta_tcvae", "posterior=full"): "objective=beta_tcvae posterior=full: the aggregate posterior needs",
    ("objective=autoencoder", "metrics=[evidence]"): "metrics=[evidence]: a deterministic code has no density",
    ("dataset=linear_gaussian", "likelihood=bernoulli"): "likelihood=bernoulli: is of binary or grey values",
    (
        "dataset=linear_gaussian",
        "likelihood=autoregressive",
    ): "likelihood=autoregressive: is of binary values, those of",
    (
        "dataset.binarisation=none",
        "likelihood=autoregressive",
    ): "likelihood=autoregressive: is of binary values, those of digits are grey",
    (
        "dataset.binarisation=dynamic",
        "likelihood=logistic",
    ): "likelihood=logistic: is of grey values, those of digits are",
}


@pytest.mark.parametrize("overrides", IMPOSSIBLE, ids=" ".join)
def test_what_cannot_be_is_refused_before_training(overrides, tmp_path, cache_dir):
    small = ["dataset=digits", "metrics=[rate_distortion]", "model.latent_dim=3"]
    plan = compose([*small, *overrides, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"])
    with pytest.raises(ConfigurationError) as caught:
        prepare([plan])
    first = str(caught.value).splitlines()[0]
    assert IMPOSSIBLE[overrides] in first
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("objective", ["annealed_vae", "dip_vae_ii", "info_vae", "factor_vae", "iwae_dreg"])
def test_what_was_made_for_independent_axes_takes_other_heads(objective, tmp_path, cache_dir):
    """A rate without a closed form is estimated: no objective demands one."""
    heads = ["posterior=full", "prior=mixture", "dataset=digits", "model.latent_dim=3"]
    settings = [
        f"objective={objective}",
        "metrics=[rate_distortion]",
        f"results_dir={tmp_path}",
        f"cache_dir={cache_dir}",
    ]
    assert prepare([compose([*heads, *settings])])
