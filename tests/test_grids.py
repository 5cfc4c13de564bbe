"""The sweeper: unions of grids, in which the command line has the last word."""

from __future__ import annotations

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from benchmark.compose import register
from hydra_plugins.betterbound.grids import expand

register()


def jobs(grids, *arguments):
    return [sorted(job) for job in expand(OverridesParser.create(), grids, arguments)]


def test_a_grid_is_a_product_and_grids_are_a_union():
    grids = [{"objective": ["elbo", "iwae"], "seed": "0,1"}, {"model": "pca", "seed": 0}]
    assert jobs(grids) == [
        ["objective=elbo", "seed=0"],
        ["objective=elbo", "seed=1"],
        ["objective=iwae", "seed=0"],
        ["objective=iwae", "seed=1"],
        ["model=pca", "seed=0"],
    ]


def test_the_command_line_replaces_a_grid_and_repetitions_vanish():
    grids = [{"objective": ["elbo", "iwae"], "seed": [0, 1]}, {"objective": "elbo", "seed": [0]}]
    assert jobs(grids, "seed=7") == [["objective=elbo", "seed=7"], ["objective=iwae", "seed=7"]]
    assert len(jobs(grids, "seed=7,8", "trainer.steps=3")) == 4


def test_options_of_an_optimiser_vary_as_everything_else():
    assert jobs([{}], "trainer.optimizer_options.eps=1,2") == [
        ["++trainer.optimizer_options.eps=1"],
        ["++trainer.optimizer_options.eps=2"],
    ]
    assert jobs([{"trainer.optimizer_options": "{eps: 1}"}]) == [["++trainer.optimizer_options={eps:1}"]]


def test_without_grids_the_command_line_is_the_sweep():
    assert jobs([{}], "seed=range(0,3)") == [["seed=0"], ["seed=1"], ["seed=2"]]


@pytest.mark.parametrize("value", ["[0, 1]", "choice(0,1)", "0,1"])
def test_values_in_every_notation_of_hydra(value):
    grid = {"seed": [0, 1] if value.startswith("[") else value}
    assert jobs([grid]) == [["seed=0"], ["seed=1"]]
