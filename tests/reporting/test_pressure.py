"""beta M / N: the same number where the same beta presses as hard."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.reporting.analyses.pressure import pressure
from benchmark.reporting.study import Study
from tests.support.records import record, runs


def found(dataset, shape, objective="beta_vae", beta=4.0, latents=10):
    options = {} if objective == "elbo" else {"beta": beta}
    config = {"model": {"_target_": "models.networks.mlp", "latent_dim": latents}}
    one = record(dataset, objective=objective, options=options, config=config)
    return one if shape is None else record(
        dataset, objective=objective, options=options, config=config, provenance={**one.provenance, "shape": shape}
    )  # fmt: skip


def table(*records):
    return pressure(Study(Path(), runs(*records), {})).tables["pressure"]


def test_a_quarter_of_the_pixels_presses_four_times_as_hard():
    large, small = found("dsprites", [1, 64, 64]), found("sprites", [1, 32, 32], beta=1.0)
    both = table(large, small)
    assert both["beta_norm"].tolist() == pytest.approx([40 / 4096, 10 / 1024])
    assert both["numbers"].tolist() == [4096, 1024]


def test_the_elbo_is_beta_one_and_what_has_no_beta_or_no_shape_is_left_out():
    shape = [1, 32, 32]
    one = table(found("sprites", shape, "elbo"), found("sprites", None), found("sprites", shape, "beta_tcvae"))
    assert one[["beta", "latents"]].to_numpy().tolist() == [[1.0, 10]]
    findings = pressure(Study(Path(), runs(record("sprites", objective="iwae")), {}))
    assert findings.sections == []
