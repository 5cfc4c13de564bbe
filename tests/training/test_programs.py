"""Steps as one program of torch's compiler: each is the step that it would be, of every objective."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from benchmark.experiment import execute
from benchmark.training import compiling, kept, programs
from benchmark.training.phases import UpdateOptions
from benchmark.training.recorded import Found, Replayed
from benchmark.training.stacked import together
from models.noise import Each, Placed, Single, Stream
from tests.support.choices import names_in
from tests.training import test_stacked as stacks
from tests.training.test_phases import CLOSED, phase
from tests.training.test_stacked import Doubles, Floats, alone, close, course_of, plan_of, weights

OBJECTIVES = [name for name in names_in("objective") if name != "untrained"]
SMALL = ("model.encoder_hidden=[8]", "model.decoder_hidden=[8]", "metrics=[rate_distortion]", "trainer.compile=true")
MIXTURE = {"phases": (phase(UpdateOptions(("encoder", "decoder")), CLOSED),)}  # whose weights no gradient moves


@pytest.fixture
def uncompiled(monkeypatch):
    """What was traced is run as it is: exact, and without a compiler."""
    monkeypatch.setattr(programs, "inductor", lambda graph, given: lambda *inputs: graph(*inputs))


@pytest.fixture
def replays(monkeypatch):
    """Whatever computes the steps of a stack."""
    found = []

    class Listed(Replayed):
        def __init__(self, *given):
            super().__init__(*given)
            found.append(self)

    monkeypatch.setattr("benchmark.training.stacked.Replayed", Listed)
    return found


def trained(plan, train, **options):
    course = course_of(plan, 1, train("train"), compile=True, **options)
    [(_, outcome)] = together([course], {})
    assert isinstance(outcome, list), outcome
    return course, outcome


@pytest.mark.parametrize("name", OBJECTIVES)
def test_twenty_steps_are_those_of_a_run_alone(name, uncompiled, replays):
    plan = plan_of(f"objective={name}", *(["objective.hidden=[5]"] if name == "factor_vae" else []))
    course, history = trained(plan, Doubles)
    stacks.all_are(replays)
    other = course_of(plan, 1, Doubles("train"))
    stacks.same(history, alone(other))
    close(weights(course), weights(other))
    assert course.noise.generator.get_state().equal(other.noise.generator.get_state())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_all_can_be_traced_in_the_precision_that_they_train_in(name, precision, uncompiled, replays):
    plan = plan_of(f"objective={name}", *(["objective.hidden=[5]"] if name == "factor_vae" else []))
    trained(plan, Floats, steps=6, precision=precision)
    stacks.all_are(replays)


@pytest.mark.parametrize(
    ("more", "options"),
    [
        (("trainer=alternating",), {"optimizer": "RMSprop"}),
        (("prior=mixture",), MIXTURE),
        (("trainer=optimal_variance", "likelihood=gaussian_learned"), {}),
        (("prior=vamp",), {"clip_norm": 0.1}),
    ],
)
def test_what_is_moved_between_steps_is_read_anew(more, options, uncompiled, replays):
    course, _ = trained(plan_of(*more), Doubles, **options)
    stacks.all_are(replays)
    other = course_of(plan_of(*more), 1, Doubles("train"), **options)
    alone(other)
    close(weights(course), weights(other))


def test_a_stack_is_compiled_as_well(uncompiled, replays):
    plan = plan_of("objective=beta_vae_warmup")
    courses = [course_of(plan, seed, Doubles("train"), compile=True) for seed in range(2)]
    assert all(isinstance(outcome, list) for _, outcome in together(courses))
    stacks.all_are(replays)
    for seed, course in enumerate(courses):
        other = course_of(plan, seed, Doubles("train"))
        alone(other)
        close(weights(course), weights(other))


def test_what_does_not_depend_on_weights_is_refused(uncompiled):
    weight = torch.ones(1, 2, requires_grad=True)
    with pytest.raises(ValueError, match="does not depend on what learns"):
        programs.compiled(lambda x, step, source: Found(x.sum(1), ()), [weight], torch.ones(1, 2), Placed([], 1))


def test_a_single_model_draws_what_its_stream_gives():
    like = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    source, stream = Single(Each([Stream.seeded(3)])), Stream.seeded(3)
    assert source.normal((2, 3), like).equal(stream.normal((2, 3), like))
    assert source.uniform((4,), like).equal(stream.uniform((4,), like))


def values(record):
    return {(score.name, score.representation): score.value for score in record.scores}


def test_a_compiled_run_is_the_run_in_the_folder_of_the_other(plan_of_run, tmp_path, replays):
    """By the compiler itself, where there is one."""
    if why := compiling.obstacle("cpu", "fp32"):
        pytest.skip(why)
    plan = plan_of_run(*SMALL, "objective=beta_vae_warmup", "trainer.steps=60", "trainer.validations=2")
    found = values(execute(plan))
    stacks.all_are(replays)
    options = {**plan.trainer.options, "compile": False}
    plain = replace(
        plan,
        trainer=replace(plan.trainer, options=options),
        settings=replace(plan.settings, results_dir=tmp_path / "other"),
    )
    assert plain.folder.name == plan.folder.name
    assert found == pytest.approx(values(execute(plain)), rel=1e-3, abs=1e-3)


def test_without_a_compiler_a_run_is_trained_as_it_was(plan_of_run, monkeypatch, capsys):
    monkeypatch.setattr(kept, "obstacle", lambda kind, precision: "torch cannot compile here (no C++ compiler)")
    monkeypatch.setattr(compiling, "obstacle", lambda kind, precision: "torch cannot compile here (no C++ compiler)")
    plan = plan_of_run(*SMALL, "trainer.steps=5", "trainer.validations=1")
    assert values(execute(plan))
    assert capsys.readouterr().err.count("torch cannot compile here (no C++ compiler); training goes on") == 1
    assert json.loads((plan.folder / "record.json").read_text())["status"] == "finished"
