"""The runs of a sweep: unions of grids, in which the command line has the last word."""

from __future__ import annotations

import pytest

from benchmark.config.components import ConfigurationError
from benchmark.config.compose import Composer
from benchmark.config.grids import expand

COMPOSER = Composer()


def jobs(grids, *arguments):
    return [sorted(job) for job in expand(COMPOSER.parsed, COMPOSER.choices, grids, arguments)]


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
        ["trainer.optimizer_options.eps=1"],
        ["trainer.optimizer_options.eps=2"],
    ]
    assert jobs([{"trainer.optimizer_options": "{eps: 1}"}]) == [["trainer.optimizer_options={eps: 1}"]]


def test_without_grids_the_command_line_is_the_sweep():
    assert jobs([{}], "seed=range(0,3)") == [["seed=0"], ["seed=1"], ["seed=2"]]


@pytest.mark.parametrize("value", ["[0, 1]", "choice(0,1)", "0,1"])
def test_values_in_every_notation_of_hydra(value):
    grid = {"seed": [0, 1] if value.startswith("[") else value}
    assert jobs([grid]) == [["seed=0"], ["seed=1"]]


def test_values_that_yaml_reads_as_no_text():
    assert jobs([{"trainer.clip_norm": [None, 1.5]}]) == [["trainer.clip_norm=null"], ["trainer.clip_norm=1.5"]]
    assert jobs([{"trainer.optimizer_options": {"fused": False, "eps": 1e-5}}]) == [
        ["trainer.optimizer_options={fused:False,eps:1e-05}"]
    ]
    assert jobs([{"objective.hidden": [[4, 4], [8]]}]) == [["objective.hidden=[4,4]"], ["objective.hidden=[8]"]]


def test_a_glob_chooses_among_names_those_in_folders_too():
    found = jobs([{}], "objective=glob(dip*)")
    assert found == [["objective=dip_vae_i"], ["objective=dip_vae_ii"]]
    assert ["experiment=higgins2017/smoke"] in jobs([{}], "experiment=glob(*/smoke)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed=range(0,0)", "nothing to run"),
        ("seed=glob(*)", "nothing to run"),
        ("seed=range(0,1,0)", "a step other than 0"),
        ("objective.beta=interval(0,1)", "an interval has no end"),
        ("seed=range(0,1000000000000)", "runs are more than"),
        ("seed=shuffle(range(0,1000000000000))", "runs are more than"),
    ],
)
def test_sweeps_that_cannot_be(text, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        jobs([{}], text)
    assert text.partition("=")[0] in str(caught.value) or "sweep" in str(caught.value)


def test_a_product_that_nobody_can_run_is_not_even_made():
    with pytest.raises(ConfigurationError, match="runs are more than"):
        jobs([{f"objective.a{i}": list(range(100)) for i in range(8)}])
