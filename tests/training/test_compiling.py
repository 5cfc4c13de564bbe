"""Compiled networks: updates go through them, validations do not, and without a compiler training is as it was."""

from __future__ import annotations

import pytest
import torch

from benchmark.training import compiling
from benchmark.training.fit import fit
from models import precision
from tests.training.test_phases import copy_of, same
from tests.training.test_train import parts


@pytest.fixture(autouse=True)
def _forgetful():
    compiling._of_compiler.cache_clear()
    yield
    compiling._of_compiler.cache_clear()


def trained(**options):
    model, *others = parts()
    history = fit(model, *others, 0, steps=6, batch_size=5, validations=2, **options)
    assert all(part._compiled_call_impl is None for part in model.modules())
    return history, copy_of(model)


def test_updates_go_through_compiled_networks_and_validations_do_not(monkeypatch):
    calls = []

    def compile(call, *args, **options):
        def counted(*inputs):
            calls.append(torch.is_grad_enabled())
            return call(*inputs)

        return counted

    plain = trained()
    monkeypatch.setattr(torch, "compile", compile)
    again = trained(compile=True)
    assert again[0] == plain[0]
    assert len(same(again[1], plain[1])) == len(plain[1])
    assert calls == [True] * (1 + 6 * 2)  # the trial, then the networks of encoder and decoder at each step


def test_without_a_compiler_a_line_says_so_and_training_goes_on(monkeypatch, capsys):
    def refuse(*args, **options):
        raise RuntimeError("no C++ compiler\nset CXX")

    plain = trained()
    monkeypatch.setattr(torch, "compile", refuse)
    again = trained(compile=True)
    expected = "note: trainer.compile=true: torch cannot compile here (no C++ compiler); training goes on uncompiled\n"
    assert capsys.readouterr().err == expected
    assert again[0] == plain[0]
    assert len(same(again[1], plain[1])) == len(plain[1])


def test_rounding_by_hand_is_not_compiled(monkeypatch, capsys):
    monkeypatch.setattr(compiling, "has_bf16", lambda kind: False)
    monkeypatch.setattr(precision, "has_bf16", lambda kind: False)
    trained(compile=True, precision="bf16")
    assert "float32 with rounding on this processor; training goes on uncompiled" in capsys.readouterr().err
