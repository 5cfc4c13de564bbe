"""A training that was killed ends as one that was not: weights, history, scores, to the last bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.experiment import execute
from benchmark.store.history import FILE as HISTORY
from benchmark.store.snapshot import FILE
from benchmark.training.fit import fit
from benchmark.training.journal import RunJournal
from models.objectives import iwae
from tests.support.choices import TINY
from tests.training.test_phases import CLOSED, RETRAIN, copy_of, phase, same, with_mixture
from tests.training.test_train import OPTIMISERS, parts

IDENTITY = {"seed": 0}


class Killed(Exception):
    """Stands for a process that ends."""


class Killing(RunJournal):
    """Writes a state at every look, and dies after so many."""

    def __init__(self, folder, looks):
        super().__init__(folder, IDENTITY, minutes=0.0)
        self.looks = looks

    def note(self, state, step):
        super().note(state, step)
        self.looks -= 1
        if self.looks == 0:
            raise Killed


def trained(folder, make, looks, **options):
    """A training that is killed after some looks, as often as there are `looks`, and then ends."""
    for number in (*looks, 10**9):
        model, objective, train_on, validation, *second = make()
        journal = Killing(folder, number)
        given = (*second, None)[:1]
        try:
            history = fit(model, objective, train_on, validation, 0, *given, journal, **options)
        except Killed:
            continue
        return model, objective, history, journal
    raise AssertionError


def convolutional():
    """Parts whose model has convolutions, weights with more than one channel on either side."""
    model, objective, *pixels = parts()
    torch.manual_seed(0)
    model.encoder.features = nn.Sequential(
        nn.Conv2d(1, 3, 2, stride=2), nn.ReLU(), nn.Conv2d(3, 4, 2), nn.Flatten(), nn.Linear(16, 16)
    )
    return model, objective, *pixels


CASES = {
    **{
        name: (parts, {"optimizer": name, "optimizer_options": {**options, "fused": True}})
        for name, options in OPTIMISERS.items()
    },
    "moments": (parts, {"initial_second_moment": 0.01, "schedule": "cosine", "warmup_steps": 7, "clip_norm": 1.0}),
    "no new order": (parts, {"shuffle": False}),
    "patience": (parts, {"patience": 2, "learning_rate": 5e-2, "validations": 20, "steps": 130}),
    "adversary": (lambda: parts("objective=factor_vae", "objective.hidden=[4]"), {}),
    "bf16": (convolutional, {"precision": "bf16"}),
    "phases": (lambda: (*parts(), iwae), {"phases": RETRAIN}),
    "closed form": (with_mixture, {"phases": (phase(RETRAIN[1].updates[0].__class__(("decoder",)), CLOSED),)}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_training_ends_with_the_same_numbers(tmp_path, case):
    make, options = CASES[case]
    options = {"steps": 60, "batch_size": 4, "validations": 5, **options}
    model, objective, history, _ = trained(tmp_path / "whole", make, (), **options)
    again, other, rows, journal = trained(tmp_path / "killed", make, (2, 3), **options)
    assert journal.resumed == 2
    assert rows == history
    for one, two in ((model, again), (objective, other)):
        if isinstance(one, torch.nn.Module):
            assert same(copy_of(one), copy_of(two)) == list(copy_of(one))
    written = (tmp_path / "killed" / HISTORY).read_text().splitlines()
    assert len(written) == len(history) + 1
    assert [int(line.split(",")[0]) for line in written[1:]] == [row["step"] for row in history]


def test_a_state_that_says_nothing_else_is_that_of_its_step(tmp_path):
    with pytest.raises(Killed):
        fit(*parts(), 0, None, Killing(tmp_path, 1), steps=100, validations=4)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [HISTORY, FILE]
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 3  # names, before training, first validation


def damage(folder, how):
    path = folder / FILE
    content = path.read_bytes()
    if how == "cut":
        path.write_bytes(content[:-100])
    elif how == "flipped":
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif how == "nothing":
        path.write_bytes(b"")
    elif how == "weights":
        save_file(load_file(path), path)
    else:
        raise AssertionError(how)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("cut", ""),
        ("flipped", "its sha256"),
        ("nothing", ""),
        ("weights", "no 'identity'"),
        ("other", "of another run"),
    ],
)
def test_a_state_that_cannot_be_used_is_said_and_training_starts_anew(tmp_path, capsys, how, why):
    with pytest.raises(Killed):
        fit(*parts(), 0, None, Killing(tmp_path, 1), steps=60, validations=2)
    if how != "other":
        damage(tmp_path, how)
    model, objective, train_on, validation = parts()
    journal = RunJournal(tmp_path, {"seed": how} if how == "other" else IDENTITY, None)
    history = fit(model, objective, train_on, validation, 0, None, journal, steps=60, validations=2)
    assert journal.resumed == 0
    said = capsys.readouterr().err
    assert said.startswith(f"note: {tmp_path}: {FILE} cannot be used (")
    assert said.endswith("training starts anew\n")
    assert len(said.splitlines()) == 1
    assert why in said
    fresh = parts()
    assert fit(*fresh, 0, steps=60, validations=2) == history
    assert same(copy_of(model), copy_of(fresh[0])) == list(copy_of(model))


def test_a_state_of_another_architecture_touches_nothing(tmp_path, capsys):
    with pytest.raises(Killed):
        fit(*parts(), 0, None, Killing(tmp_path, 1), steps=60, validations=2)
    other = parts("model.encoder_hidden=[5]")
    history = fit(*other, 0, None, RunJournal(tmp_path, IDENTITY, None), steps=60, validations=2)
    assert "training.safetensors cannot be used (encoder." in capsys.readouterr().err
    assert fit(*parts("model.encoder_hidden=[5]"), 0, steps=60, validations=2) == history


SCRIPT = """
import os, signal, sys
from benchmark.training.journal import RunJournal
save = RunJournal._save
def saved(self, state, step):
    save(self, state, step)
    os.kill(os.getpid(), signal.SIGKILL)
RunJournal._save = saved
from benchmark.__main__ import main
main(sys.argv[1:])
"""


def test_a_process_that_is_killed_leaves_a_run_that_goes_on(plan_of_run, tmp_path):
    steps = ("trainer.steps=120", "checkpoint_minutes=0")
    plan = plan_of_run(*TINY, *steps)
    whole = execute(plan_of_run(*TINY, *steps[:1], f"results_dir={tmp_path / 'whole'}"))
    done = subprocess.run([sys.executable, "-c", SCRIPT, *plan.overrides], check=False, env=os.environ, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert (plan.folder / FILE).exists()
    record = execute(plan)
    assert record.provenance["resumed"] == 1
    assert whole.provenance["resumed"] == 0
    assert not (plan.folder / FILE).exists()
    assert record.scores == whole.scores
    other = tmp_path / "whole" / plan.experiment / "runs" / plan.folder.name
    for name in (HISTORY, "model.safetensors"):
        assert (plan.folder / name).read_bytes() == (other / name).read_bytes()
    assert json.loads((plan.folder / "model.json").read_text())["resumed"] == 1
