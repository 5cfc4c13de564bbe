"""Weights that do not fit are refused whole: nothing is loaded by halves, and the run is trained again."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import load, save

from benchmark.store.checkpoint import DESCRIPTION, WEIGHTS, Training, load_checkpoint, save_checkpoint
from models.networks import mlp

IDENTITY = {"model": "mlp", "seed": 0}
SHAPE = (1, 4, 4)


def model_of(seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return mlp(SHAPE, torch.full(SHAPE, 0.3), latent_dim=3)


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(tmp_path, model_of(0), IDENTITY, Training(2.5, 40))
    return tmp_path


def change_weights(folder, change):
    """Other weights with a digest that fits them."""
    weights = load((folder / WEIGHTS).read_bytes())
    change(weights)
    content = save(weights)
    (folder / WEIGHTS).write_bytes(content)
    description = json.loads((folder / DESCRIPTION).read_text())
    description["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / DESCRIPTION).write_text(json.dumps(description))


def lose(weights):
    del weights["encoder.head.mean.weight"]


def add(weights):
    weights["of.another.version"] = torch.zeros(2)


def reshape(weights):
    weights["decoder.network.0.bias"] = torch.zeros(1)


def retype(weights):
    weights["encoder.head.mean.bias"] = weights["encoder.head.mean.bias"].long()


def assert_refused(folder, capsys, why):
    model, fresh = model_of(1), model_of(1)
    assert load_checkpoint(folder, model, IDENTITY) is None
    for a, b in zip(model.state_dict().values(), fresh.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert said.startswith(f"note: {folder}: the weights cannot be used (")
    assert why in said
    assert said.endswith("it is trained again\n")


def test_weights_come_back_with_the_seconds_that_they_took(saved, capsys):
    model = model_of(1)
    assert load_checkpoint(saved, model, IDENTITY) == Training(2.5, 40)
    for a, b in zip(model.state_dict().values(), model_of(0).state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lose, "encoder.head.mean.weight is missing in model.safetensors, (3, 200) torch.float32 in the model"),
        (add, "of.another.version is (2,) torch.float32 in model.safetensors, missing in the model"),
        (reshape, "decoder.network.0.bias is (1,)"),
        (retype, "encoder.head.mean.bias is (3,) torch.int64"),
    ],
)
def test_weights_of_another_architecture_touch_nothing(saved, capsys, change, why):
    change_weights(saved, change)
    assert_refused(saved, capsys, why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "no JSON object"),
        ("null", "no JSON object"),
        ("{}", "no 'identity'"),
        ("[" * 100_000, "recursion"),
        ('{"identity": {"model": "mlp", "seed": 1}}', "of another run"),
        ('{"identity": {"model": "mlp", "seed": NaN}}', "JSON compliant"),
        ('{"identity": null}', "of another run"),
        ('{"identity": {"model": "mlp", "seed": 0}, "sha256": []}', "sha256"),
        ("\x00", "Expecting value"),
    ],
)
def test_a_damaged_description_is_said(saved, capsys, text, why):
    (saved / DESCRIPTION).write_text(text)
    assert_refused(saved, capsys, why)


@pytest.mark.parametrize("seconds", ["soon", None, [], float("nan"), -1])
def test_a_time_that_is_none_is_said(saved, capsys, seconds):
    description = json.loads((saved / DESCRIPTION).read_text())
    (saved / DESCRIPTION).write_text(json.dumps({**description, "training_seconds": seconds}))
    assert_refused(saved, capsys, "training_seconds")


@pytest.mark.parametrize("step", ["last", 1.5, [], -1])
def test_a_step_that_is_none_is_said(saved, capsys, step):
    description = json.loads((saved / DESCRIPTION).read_text())
    (saved / DESCRIPTION).write_text(json.dumps({**description, "kept_step": step}))
    assert_refused(saved, capsys, "kept_step")


def test_the_step_was_not_always_stated(saved):
    description = json.loads((saved / DESCRIPTION).read_text())
    del description["kept_step"]
    (saved / DESCRIPTION).write_text(json.dumps(description))
    assert load_checkpoint(saved, model_of(1), IDENTITY) == Training(2.5, None)


class Tied(torch.nn.Module):
    """Two layers that share their weights, and a view of them."""

    def __init__(self, value):
        super().__init__()
        self.one = torch.nn.Linear(2, 2)
        self.two = torch.nn.Linear(2, 2)
        self.two.weight = self.one.weight
        torch.nn.init.constant_(self.one.weight, value)
        self.register_buffer("row", self.one.weight.detach()[0])


def test_shared_weights_are_owned_once_and_restored_wherever_they_are_used(tmp_path):
    save_checkpoint(tmp_path, Tied(3.0), IDENTITY, Training(1.0))
    assert set(load((tmp_path / WEIGHTS).read_bytes())) == {"one.weight", "one.bias", "two.bias", "row"}
    model = Tied(0.0)
    assert load_checkpoint(tmp_path, model, IDENTITY) == Training(1.0)
    assert model.two.weight is model.one.weight
    assert torch.equal(model.two.weight, torch.full((2, 2), 3.0))
    assert torch.equal(model.row, torch.full((2,), 3.0))


def test_weights_of_an_objective_are_in_the_checkpoint_and_need_not_be_asked_for(tmp_path, capsys):
    save_checkpoint(tmp_path, model_of(0), IDENTITY, Training(1.0), Tied(3.0))
    objective = Tied(0.0)
    assert load_checkpoint(tmp_path, model_of(1), IDENTITY, objective) == Training(1.0)
    assert torch.equal(objective.two.weight, torch.full((2, 2), 3.0))
    assert load_checkpoint(tmp_path, model_of(1), IDENTITY) == Training(1.0)
    assert capsys.readouterr().err == ""
    assert_refused_with(tmp_path, capsys, torch.nn.Linear(2, 2), "objective:bias is missing")


def assert_refused_with(folder, capsys, objective, why):
    model, before = model_of(1), objective.weight.clone()
    assert load_checkpoint(folder, model, IDENTITY, objective) is None
    assert torch.equal(objective.weight, before)
    assert torch.equal(model.encoder.head.mean.weight, model_of(1).encoder.head.mean.weight)
    assert why in capsys.readouterr().err


def test_no_checkpoint_is_no_damage(tmp_path, capsys):
    assert load_checkpoint(tmp_path, model_of(0), IDENTITY) is None
    assert capsys.readouterr().err == ""


def before_heads(weights):
    """The names of before heads could be chosen, and a variance that a Bernoulli likelihood never had."""
    for part in ("mean.weight", "mean.bias", "log_stddev.weight", "log_stddev.bias"):
        weights[f"encoder.{part}"] = weights.pop(f"encoder.head.{part}")
    weights["decoder.log_sigma2"] = torch.zeros(())


def test_weights_of_before_heads_could_be_chosen_are_those_of_now(saved, capsys):
    change_weights(saved, before_heads)
    model = model_of(1)
    assert load_checkpoint(saved, model, IDENTITY) is not None
    for a, b in zip(model.state_dict().values(), model_of(0).state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert capsys.readouterr().err == ""
