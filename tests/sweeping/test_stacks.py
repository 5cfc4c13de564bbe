"""Sweeps in stacks: the same runs in the same folders; what fails costs itself only, what cannot be one goes alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from benchmark.config.components import Component, ConfigurationError
from benchmark.experiment import execute
from benchmark.store.checkpoint import DESCRIPTION
from benchmark.store.record import FILE, read_record
from benchmark.sweeping import stacks
from benchmark.sweeping.prepare import prepare
from benchmark.sweeping.stacks import Trained, after, train_stack
from benchmark.sweeping.sweep import perform_all
from benchmark.training.journal import RunJournal
from benchmark.training.mapped import NotAlike
from benchmark.training.stacks import kind_of, stacks_of

SMALL = (
    "model.encoder_hidden=[8]",
    "model.decoder_hidden=[8]",
    "metrics=[rate_distortion]",
    "metrics.rate_distortion.num_samples=2",
)
CHEAP = ("objective=beta_vae", *SMALL, "trainer.steps=20", "trainer.validations=2")


def seeded(plan, seed, **options):
    """The plan with another seed, and other numbers of its trainer."""
    trainer = replace(plan.trainer, options={**plan.trainer.options, **options})
    return replace(plan, settings=replace(plan.settings, seed=seed), trainer=trainer)


def several(plan, count=4):
    betas = [replace(plan.objective, options={**plan.objective.options, "beta": float(beta)}) for beta in range(count)]
    return [seeded(replace(plan, objective=objective), seed) for seed, objective in enumerate(betas)]


def test_a_stacked_sweep_gives_the_scores_of_single_runs_in_the_same_folders(plan_of_run, tmp_path, capsys):
    def three(plan):
        return [*several(plan, 2), seeded(plan, 2, learning_rate=1e30)]

    plan = plan_of_run(*CHEAP, "trainer.stack=4", "workers=1")
    plans = prepare(three(plan))
    [failed] = perform_all(plans)
    assert "3 to do on 1 processes, 3 of them in 1 stacks of up to 3" in capsys.readouterr().out
    single = three(seeded(replace(plan, settings=replace(plan.settings, results_dir=tmp_path / "single")), 0, stack=1))
    for plan, other in zip(plans[:2], single[:2], strict=True):
        record, expected = read_record(plan.folder), execute(other)
        assert plan.folder.name == other.folder.name
        assert (record.provenance["stacked"], expected.provenance["stacked"]) == (3, 1)
        assert record.identity == expected.identity
        for score, its in zip(record.scores, expected.scores, strict=True):
            assert score.value == pytest.approx(its.value, rel=1e-3, abs=1e-3)
    with pytest.raises(FloatingPointError) as error:
        execute(single[2])
    told, expected = read_record(plans[2].folder), read_record(single[2].folder)
    assert (told.status, told.error["type"]) == ("failed", "FloatingPointError")
    assert told.error["message"] == expected.error["message"] == str(error.value)
    assert failed.plan.folder == plans[2].folder
    assert str(failed).startswith(f"failed: FloatingPointError: {error.value}")


def test_what_trained_in_a_stack_is_not_trained_again(plan_of_run, monkeypatch):
    plans = several(plan_of_run(*CHEAP, "trainer.stack=4", "force=true"), 2)
    came = train_stack(plans)
    assert set(came.done) == {plan.folder.name for plan in plans}
    weights = [(plan.folder / "model.safetensors").read_bytes() for plan in plans]
    failed, others = after(plans, came)
    assert failed == []
    monkeypatch.setattr("benchmark.training.kept.train", None)
    for plan, before in zip(others, weights, strict=True):
        assert execute(plan).status == "finished"
        assert (plan.folder / "model.safetensors").read_bytes() == before
    assert train_stack([replace(plan, settings=replace(plan.settings, force=False)) for plan in plans]) == Trained()


def test_runs_share_a_stack_where_numbers_and_seeds_alone_differ(plan_of_run):
    plan = plan_of_run(*CHEAP, "trainer.stack=8")
    alike = [{"learning_rate": 0.1}, {"clip_norm": 1.0}, {"schedule": "cosine", "warmup_steps": 3}, {"patience": 2}]
    found = [*several(plan), *(seeded(plan, 7, **options) for options in alike)]
    assert {kind_of(one) for one in found} == {kind_of(plan)}
    unlike = [{"batch_size": 50}, {"steps": 31}, {"optimizer": "SGD"}, {"precision": "bf16"}, {"stack": 4}]
    other = [seeded(plan, 0, **options) for options in unlike]
    samples = replace(plan.objective, options={**plan.objective.options, "num_samples": 2})
    other += [replace(plan, objective=samples), replace(plan, settings=replace(plan.settings, threads=2))]
    other += [replace(plan, heads={**plan.heads, "prior": plan.heads["posterior"]})]
    assert len({kind_of(one) for one in [plan, *other]}) == len(other) + 1


def test_stacks_are_dealt_out_evenly(plan_of_run):
    plan = plan_of_run("trainer.stack=4")
    untrained = replace(plan, objective=None, trainer=None)
    found = stacks_of([untrained, *(seeded(plan, seed) for seed in range(10))], trainers=2)
    assert [len(stack) for stack in found] == [4, 3, 3, 1]
    assert {plan.settings.seed for stack in found[:3] for plan in stack} == set(range(10))


def test_on_the_cpu_auto_is_one_and_on_gpus_each_has_its_share(plan_of_run, monkeypatch):
    plan = plan_of_run()
    plans = [seeded(plan, seed) for seed in range(6)]
    assert [len(stack) for stack in stacks_of(plans, trainers=2)] == [1] * 6
    monkeypatch.setattr("benchmark.training.stacks.device_of", lambda name, here: torch.device("cuda"))
    assert [len(stack) for stack in stacks_of(plans, trainers=4)] == [2, 2, 1, 1]
    assert [len(stack) for stack in stacks_of(plans, trainers=1)] == [6]


def test_one_run_is_in_one_stack(plan_of_run):
    plan = plan_of_run()
    with pytest.raises(ConfigurationError, match=r"^trainer.stack: both 2 and 4 for one run, [^\n]*$"):
        prepare([seeded(plan, 0, stack=stack) for stack in (2, 4)])


def test_what_cannot_be_one_program_goes_alone_and_says_so(plan_of_run, monkeypatch, capsys):
    def refuse(first, last):
        raise NotAlike("its value is another in a stack than alone")

    monkeypatch.setattr("benchmark.training.stacked.refuse_unlike", refuse)
    plans = several(plan_of_run(*CHEAP, "trainer.stack=4"))
    came = train_stack(plans)
    assert came == Trained(alone="its value is another in a stack than alone")
    assert after(plans, came) == ([], plans)
    said = capsys.readouterr().err.strip()
    assert said.endswith("train one by one (its value is another in a stack than alone)")
    assert after(plans, RuntimeError("the worker died")) == ([], plans)


def test_a_stack_that_does_not_fit_is_halved(plan_of_run, monkeypatch):
    sizes = []
    build = stacks.build_several

    def too_many(plans):
        sizes.append(len(plans))
        if len(plans) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return build(plans)

    monkeypatch.setattr(stacks, "build_several", too_many)
    plans = several(plan_of_run(*CHEAP, "trainer.stack=4"))
    assert set(train_stack(plans).done) == {plan.folder.name for plan in plans}
    assert sizes == [4, 2, 2]
    assert json.loads((plans[0].folder / DESCRIPTION).read_text())["stacked"] == 2
    assert not (plans[0].folder / FILE).exists()


def test_a_stack_that_was_killed_goes_on_in_the_folders_of_its_runs(plan_of_run, tmp_path, monkeypatch):
    plan = plan_of_run(*CHEAP, "trainer.stack=2", "trainer.steps=110", "checkpoint_minutes=0")
    whole = several(replace(plan, settings=replace(plan.settings, results_dir=tmp_path / "whole")), 2)
    assert len(train_stack(whole).done) == 2
    save = RunJournal._save

    def killed(self, state, step):
        save(self, state, step)
        if step == 100:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunJournal, "_save", killed)
    plans = several(plan, 2)
    with pytest.raises(KeyboardInterrupt):
        train_stack(plans)
    monkeypatch.undo()
    assert len(train_stack(plans).done) == 2
    for one, other in zip(plans, whole, strict=True):
        assert json.loads((one.folder / DESCRIPTION).read_text())["resumed"] == 1
        assert not (one.folder / "training.safetensors").exists()
        ours, theirs = (load_file(run.folder / "model.safetensors") for run in (one, other))
        for name, value in ours.items():
            torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-5)


def test_what_shares_no_stack_is_named(plan_of_run):
    plan = plan_of_run(*CHEAP, "trainer.stack=4")
    own = replace(plan, trainer=Component("mine", "tests.sweeping.test_stacks.several", {"stack": 4}))
    assert [len(stack) for stack in stacks_of([own, seeded(own, 1)], trainers=1)] == [1, 1]
    compiled = seeded(plan, 2, compile=True)
    assert stacks.alone_because([compiled]) == []  # on a processor: as one program, be it of a stack
    compiled = replace(compiled, settings=replace(compiled.settings, device="cuda"))
    why = ["trainer.compile=true compiles the networks of one model", "trainer=mine has a loop of its own"]
    assert stacks.alone_because([own, plan, compiled]) == why
