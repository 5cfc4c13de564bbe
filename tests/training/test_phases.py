"""Phases: what is frozen stays to the last bit, what is asked for happens as often as asked, mistakes are one line."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal

from benchmark.config.components import ConfigurationError
from benchmark.training.fit import fit
from benchmark.training.phases import PhaseOptions, UpdateOptions, evaluations
from benchmark.training.setup import build_objective, train
from models.objectives import elbo, iwae
from models.priors import Mixture
from tests.support.choices import TINY
from tests.support.composing import compose
from tests.training.test_train import parts

WHOLE = (PhaseOptions(1.0, (UpdateOptions(),)),)
RETRAIN = (
    PhaseOptions(0.5, (UpdateOptions(),)),
    PhaseOptions(0.5, (UpdateOptions(parts=("encoder",), objective="second"),)),
)


def phase(*updates, fraction=1.0):
    return PhaseOptions(fraction, updates)


def copy_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(one, other):
    return [name for name in one if torch.equal(one[name], other[name])]


def counted(objective, calls):
    def value(model, batch):
        if torch.is_grad_enabled():
            calls.append((batch.step, batch.x.sum().item()))
        return objective(model, batch)

    return value


def test_one_phase_of_one_update_is_the_training_without_phases():
    found = []
    for phases in (None, WHOLE, (phase(UpdateOptions(), fraction=0.3), phase(UpdateOptions(), fraction=0.7))):
        model, objective, train_on, validation = parts()
        options = {"optimizer": "SGD", "phases": phases, "validations": 2, "schedule": "cosine"}
        history = fit(model, objective, train_on, validation, 0, steps=20, learning_rate=1e-4, **options)
        found.append((history[-1]["validation_objective"], copy_of(model)))
    for value, weights in found[1:]:  # SGD has no memory, so that a new optimiser is no break
        assert value == found[0][0]
        assert len(same(weights, found[0][1])) == len(weights)


def test_a_frozen_decoder_stays_to_the_last_bit_while_its_encoder_is_trained_by_another_objective():
    model, objective, train_on, validation = parts()
    seen = {}

    def second(model, batch):
        if torch.is_grad_enabled():
            seen.setdefault("decoder", copy_of(model.decoder))
            seen.setdefault("encoder", copy_of(model.encoder))
            assert batch.step >= 10
        return iwae(model, batch, num_samples=5)

    history = fit(model, objective, train_on, validation, 0, second, steps=20, validations=4, phases=RETRAIN)
    assert len(same(seen["decoder"], copy_of(model.decoder))) == len(seen["decoder"])
    assert not same(seen["encoder"], copy_of(model.encoder))
    assert [row["phase"] for row in history] == [1, 1, 1, 2, 2]
    # each phase's values are of its own objective: at the same weights L_5 is above the ELBO
    again = fit(model, objective, train_on, validation, 0, steps=1, learning_rate=1e-12, validations=1)
    assert history[-1]["validation_objective"] > again[0]["validation_objective"]


def test_the_first_phase_is_not_changed_by_what_follows():
    histories = []
    for phases, second in ((None, None), (RETRAIN, iwae)):
        histories.append(fit(*parts(), 0, second, steps=20, validations=4, phases=phases))
    for one, other in zip(histories[0][:3], histories[1][:3], strict=True):
        assert one == {**other, "kept": one["kept"]}


def test_a_phase_ends_a_row_of_the_history():
    phases = (phase(UpdateOptions(), fraction=0.3), phase(UpdateOptions(), fraction=0.7))
    history = fit(*parts(), 0, steps=10, validations=1, phases=phases)
    assert [(row["step"], row["phase"]) for row in history] == [(0, 1), (3, 1), (10, 2)]


def test_updates_alternate_as_often_as_asked_on_the_same_batch():
    model, objective, train_on, validation = parts()
    first, second = [], []
    phases = (
        phase(
            UpdateOptions(parts=("encoder",), times=2),
            UpdateOptions(parts=("decoder",), objective="second", every=3),
        ),
    )
    fit(model, counted(objective, first), train_on, validation, 0, counted(elbo, second), steps=7, phases=phases)
    assert [step for step, _ in first] == [step for step in range(7) for _ in range(2)]
    assert [step for step, _ in second] == [0, 3, 6]
    assert set(second) <= set(first)


def test_alternating_updates_move_each_part_by_its_own():
    model, objective, train_on, validation = parts()
    moved = []

    def watched(model, batch):
        if torch.is_grad_enabled():
            moved.append((copy_of(model.encoder), copy_of(model.decoder)))
        return objective(model, batch)

    phases = compose(["trainer=alternating"]).trainer.build().keywords["phases"]
    fit(model, watched, train_on, validation, 0, steps=2, validations=1, phases=phases)
    (encoder, decoder), (encoder_2, decoder_2), (encoder_3, decoder_3), _ = moved
    assert not same(encoder, encoder_2)
    assert len(same(decoder, decoder_2)) == len(decoder)
    assert len(same(encoder_2, encoder_3)) == len(encoder)
    assert not [name for name in same(decoder_2, decoder_3) if name.startswith("network")]


def test_a_learning_rate_of_its_own():
    model, objective, train_on, validation = parts()
    before = copy_of(model)
    phases = (phase(UpdateOptions(parts=("encoder",), learning_rate=1e-30), UpdateOptions(parts=("decoder",))),)
    history = fit(model, objective, train_on, validation, 0, steps=3, validations=1, phases=phases)
    assert history[-1]["learning_rate"] == 1e-30
    unmoved = same(before, copy_of(model))
    assert [
        name for name in before if name.startswith("encoder") and name.endswith("weight") and name not in unmoved
    ] == []
    assert not [name for name in unmoved if name.startswith("decoder.network")]


def test_an_adversary_has_its_turn_where_its_objective_has_one():
    model, _, train_on, validation = parts()
    plan = compose(["objective=factor_vae", "objective.hidden=[4]", "model.latent_dim=3"])
    second = build_objective(plan, model, torch.device("cpu"))
    before, seen = copy_of(second), []

    def first(model, batch):
        seen.append(len(same(before, copy_of(second))) == len(before))
        return elbo(model, batch)

    history = fit(model, first, train_on, validation, 0, second, steps=6, validations=2, phases=RETRAIN)
    assert all(seen)
    assert len(same(before, copy_of(second))) < len(before)
    assert [row["validation_objective"] is None for row in history] == [False, False, True]


def with_mixture():
    model, _, train_on, validation = parts("model.latent_dim=1")
    model.prior = Mixture(1, num_components=2)
    model.prior.loc.data = torch.tensor([[-3.0], [3.0]])

    class Fixed(torch.nn.Module):
        """A fifth of the codes near -3, the others near 3."""

        def forward(self, x):
            mean = torch.where(torch.arange(len(x)) % 5 == 0, -3.0, 3.0)[:, None]
            return Independent(Normal(mean, 0.1), 1)

    model.encoder = Fixed()
    return model, lambda model, batch: model.infer(batch.x, 1, batch.noise).log_w[0], train_on, validation


def test_a_closed_form_update_finds_the_weights_of_a_mixture_and_no_gradient_moves_them():
    model, objective, train_on, validation = with_mixture()
    solved = UpdateOptions(parts=("prior",), closed_form=True, learning_rate=0.2)
    phases = (phase(UpdateOptions(parts=("decoder",)), solved),)
    fit(model, objective, train_on, validation, 0, steps=60, batch_size=15, validations=1, phases=phases)
    assert torch.allclose(model.prior.logits.softmax(0), torch.tensor([0.2, 0.8]), atol=1e-3)
    only = (phase(UpdateOptions(parts=("prior",)), solved),)
    fit(model, objective, train_on, validation, 0, steps=2, validations=1, phases=only)
    assert model.prior.loc.grad is not None
    assert model.prior.logits.grad is None


SECOND = UpdateOptions(objective="second")
CLOSED = UpdateOptions(parts=("prior",), closed_form=True)


@pytest.mark.parametrize(
    ("phases", "second", "more", "message"),
    [
        ((phase(UpdateOptions(), fraction=0.4), phase(UpdateOptions(), fraction=0.5)), None, {},
         r"trainer.phases: their fractions \(0.4, 0.5\) add up to 0.9, not to 1"),
        ((phase(SECOND),), None, {},
         r"trainer.phases\[0\].updates\[0\].objective=second: there is no second objective; choose one, objective@"),
        (None, iwae, {}, "objective@second: no phase of the trainer asks for a second objective"),
        (WHOLE, iwae, {}, "objective@second: no phase of the trainer asks for a second objective"),
        ((phase(UpdateOptions(parts=("prior",))),), None, {},
         r"trainer.phases\[0\].updates\[0\]: parts \[prior\] have no parameter that learns"),
        ((phase(UpdateOptions(), CLOSED),), None, {},
         r"phases\[0\].updates\[1\].closed_form=true: the prior \w+ has no closed form"),
        ((phase(UpdateOptions(), UpdateOptions(parts=("decoder",), closed_form=True)),), None, {},
         r"phases\[0\].updates\[1\].closed_form=true: the likelihood Bernoulli has no closed form; choose one "
         "that has, such as likelihood=gaussian_learned"),
        (RETRAIN, iwae, {"patience": 2}, "trainer.patience=2: its phases follow two objectives, so that no two"),
        ((phase(UpdateOptions(), fraction=0.01), phase(UpdateOptions(), fraction=0.99)), None, {},
         r"trainer.phases\[0\].fraction=0.01: no step at all"),
    ],
)  # fmt: skip
def test_phases_that_cannot_be_are_refused_in_one_line(phases, second, more, message):
    model, _, train_on, validation = parts()

    def untouched(model, batch):
        raise AssertionError("the mistake is found before anything is computed")

    with pytest.raises(ConfigurationError, match=message) as error:
        fit(model, untouched, train_on, validation, 0, second, steps=10, phases=phases, **more)
    assert "\n" not in str(error.value)


def test_a_closed_form_is_a_moving_average_of_the_prior():
    model, objective, train_on, validation = with_mixture()
    for wrong in (UpdateOptions(closed_form=True), UpdateOptions(("prior",), closed_form=True, learning_rate=2.0)):
        with pytest.raises(ConfigurationError, match=r"needs parts: \[prior\] or \[decoder\] and a learning rate of"):
            fit(model, objective, train_on, validation, 0, steps=3, phases=(phase(UpdateOptions(), wrong),))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[{fraction:1.0,updates:[{parts:[encodre]}]}]", r"trainer.phases\[0\].updates\[0\].parts\[0\]=encodre: "),
        ("[{fraction:1.0,updates:[{part:[all]}]}]", r"trainer.phases\[0\].updates\[0\].part=\['all'\]: Unexpected"),
        ("[{fraction:2.0,updates:[{parts:[all]}]}]", r"trainer.phases\[0\].fraction=2.0: "),
        ("[{fraction:1.0}]", r"trainer.phases\[0\].updates="),
        ("[{fraction:1.0,updates:[]}]", r"trainer.phases\[0\].updates=\[\]: "),
        ("[]", r"trainer.phases=\[\]: "),
    ],
)
def test_phases_that_are_misspelt_say_where(value, message):
    with pytest.raises(ConfigurationError, match=message):
        compose([f"trainer.phases={value}"])


def test_the_second_objective_is_part_of_a_run_only_where_it_is_given():
    plain = compose(["trainer=retrain_encoder"])
    plan = compose(["trainer=retrain_encoder", "objective@second=iwae", "second.num_samples=7"])
    assert "second" not in plain.identity
    assert "second" not in plain.choices
    assert plan.identity["second"] == {"_target_": "models.objectives.iwae", "num_samples": 7}
    assert plan.choices["second"] == "iwae"
    assert {key: value for key, value in plan.identity.items() if key != "second"} == plain.identity
    assert compose(plan.overrides).identity == plan.identity
    assert compose(["model=pca", "objective@second=iwae"]).second is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["second.num_samples=3"], "second.num_samples: there is no second objective; choose one first, objective@"),
        (["objective@second=iwea"], "objective=iwea: no such choice; did you mean iwae?"),
        (["objective@second=iwae", "second.beta=3"], "second.beta: no such key; there are "),
        (["objective@second=untrained"], "objective@second=untrained: trains nothing"),
    ],
)  # fmt: skip
def test_a_second_objective_that_cannot_be(overrides, message):
    with pytest.raises(ConfigurationError) as error:
        compose(overrides)
    assert str(error.value).startswith(message)


def test_a_trainer_of_five_arguments_still_trains_and_takes_no_second_objective(plan_of_run):
    from dataclasses import replace

    from benchmark.training.setup import Setup

    plan = plan_of_run(*TINY, "objective@second=iwae")
    mine = replace(plan.trainer, name="mine", target=f"{__name__}.five", options={})
    setup = Setup(replace(plan, trainer=mine, second=None), None, torch.device("cpu"), {}, 1, 2, 3)
    assert train(setup, 4) == (2, 3, 1, 4, 0)
    with pytest.raises(ConfigurationError, match="objective@second=iwae: trainer=mine takes one objective alone"):
        train(replace(setup, plan=replace(plan, trainer=mine)), 4)


def five(model, objective, train_on, validation, seed):
    return model, objective, train_on, validation, seed


def test_the_time_of_a_step_counts_every_evaluation():
    phases = compose(["trainer=retrain_encoder"]).trainer.options["phases"]
    assert evaluations(phases) == (0.5, 0.5)
    assert evaluations(None) == (1.0, 0.0)
    alternating = compose(["trainer=alternating"]).trainer.options["phases"]
    assert evaluations(alternating) == (2.0, 0.0)
