"""A single run where steps can be recorded: a stack of one, and what it falls back to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmark.experiment import execute
from benchmark.store.checkpoint import DESCRIPTION
from benchmark.training import kept
from benchmark.training.journal import RunJournal
from benchmark.training.mapped import NotAlike
from tests.training.test_stacked import replays  # noqa: F401

SMALL = ("model.encoder_hidden=[8]", "model.decoder_hidden=[8]", "metrics=[rate_distortion]")
CHEAP = (*SMALL, "objective=beta_vae_warmup", "trainer.steps=120", "trainer.validations=2", "checkpoint_minutes=0")


@pytest.fixture
def plans(plan_of_run, tmp_path):
    """The same run in two folders."""
    plan = plan_of_run(*CHEAP)
    return plan, replace(plan, settings=replace(plan.settings, results_dir=tmp_path / "other"))


@pytest.fixture
def recordable(monkeypatch, replays):  # noqa: F811
    monkeypatch.setattr(kept, "recordable", lambda device: True)
    return replays


def values(record):
    return {(score.name, score.representation): score.value for score in record.scores}


def test_it_is_the_run_that_it_would_be_step_by_step(plans, monkeypatch, recordable):
    found = values(execute(plans[0]))
    assert [bool(one.record) for one in recordable] == [True]
    monkeypatch.setattr(kept, "recordable", lambda device: False)
    assert found == pytest.approx(values(execute(plans[1])), rel=1e-3, abs=1e-3)


def test_a_run_whose_weights_were_damaged_is_trained_again_to_the_last_bit(plans, recordable):
    first = values(execute(plans[0]))
    (plans[0].folder / "model.safetensors").write_bytes(b"broken")
    (plans[0].folder / "record.json").unlink()
    assert values(execute(plans[0])) == first


def test_a_step_that_fails_falls_back_to_the_state_that_was_kept(plans, monkeypatch, recordable, capsys):
    """As the 101st does here, for which a GPU has no memory any more: the run goes on from the 100th."""
    monkeypatch.setattr(kept, "recordable", lambda device: False)
    expected = values(execute(plans[1]))
    monkeypatch.setattr(kept, "recordable", lambda device: True)
    save = RunJournal._save

    def out_of_memory(self, state, step):
        save(self, state, step)
        if step == 100:
            monkeypatch.setattr(RunJournal, "_save", save)
            raise RuntimeError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(RunJournal, "_save", out_of_memory)
    assert values(execute(plans[0])) == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert "trains step by step (RuntimeError: CUDA out of memory. Tried to allocate)" in capsys.readouterr().err
    assert json.loads((plans[0].folder / DESCRIPTION).read_text())["resumed"] == 1


def test_what_cannot_be_mapped_trains_from_its_first_weights(plans, monkeypatch, recordable, capsys):
    def refuse(first, last):
        raise NotAlike("its value is another in a stack than alone")

    monkeypatch.setattr("benchmark.training.stacked.refuse_unlike", refuse)
    found = values(execute(plans[0]))
    assert "trains step by step (NotAlike: its value is another in a stack than alone)" in capsys.readouterr().err
    monkeypatch.setattr(kept, "recordable", lambda device: False)
    assert found == values(execute(plans[1]))
