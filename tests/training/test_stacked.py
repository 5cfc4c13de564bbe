"""Runs that train as one program: each has the order, binarisation, noise, weights and history that it has alone."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from dataclasses import fields, replace
from functools import partial

import pytest
import torch
from torch.overrides import TorchFunctionMode

from benchmark.config.compose import Composer
from benchmark.training.course import Course, Options
from benchmark.training.fit import NOTHING
from benchmark.training.mapped import NotAlike
from benchmark.training.phases import UpdateOptions
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar
from benchmark.training.recorded import Found, Record, Replayed
from benchmark.training.setup import build_model, build_objective
from benchmark.training.stacked import together
from models import precision
from models.noise import Stream
from models.precision import networks_in
from tests.support.choices import image_dataset, names_in
from tests.training.test_phases import CLOSED, phase
from tests.training.test_train import OPTIMISERS

SMALL = ("model.latent_dim=3", "model.encoder_hidden=[7]", "model.decoder_hidden=[6]")
SHAPE = (1, 6, 6)
COMPOSER = Composer()


class Place:
    """Where it is trained."""

    device = torch.device("cpu")


place = Place()


class Doubles(Pixels):
    """Examples in double precision, which remember what was asked for."""

    dtype = torch.float64

    def __init__(self, split):
        super().__init__(image_dataset(SHAPE), split, place.device)
        self.given = defaultdict(list)

    def batches(self, rows, generators):
        x = super().batches(rows, generators).to(self.dtype)
        for generator, *one in zip(generators, rows.tolist(), x, strict=True):
            self.given[generator].append(one)
        return x


class Floats(Doubles):
    dtype = torch.float32


class Kept(Stream):
    """A stream that remembers its draws."""

    def __init__(self, generator):
        super().__init__(generator)
        object.__setattr__(self, "draws", [])

    def normal(self, shape, like):
        return self._kept(super().normal(shape, like))

    def uniform(self, shape, like):
        return self._kept(super().uniform(shape, like))

    def fill(self, tensor, kind):
        super().fill(tensor, kind)
        self._kept(tensor.clone())

    def _kept(self, draws):
        self.draws.append(draws)
        return draws


def course_of(plan, seed, train, journal=NOTHING, change=lambda objective: objective, **options):
    """The course of a plan in the precision of its examples, with another seed and other options of the trainer."""
    plan = replace(plan, settings=replace(plan.settings, seed=seed))
    model = build_model(plan, SHAPE, train.mean()).to(place.device, train.dtype)
    objective = change(build_objective(plan, model, place.device))
    objective = objective.to(train.dtype) if isinstance(objective, torch.nn.Module) else objective
    second = build_objective(replace(plan, objective=plan.second), model, place.device)
    given = {**plan.trainer.build().keywords, "steps": 20, "batch_size": 5, "validations": 2, **options}
    kept = {field.name: given[field.name] for field in fields(Options)}
    kept["optimizer_options"] = kept["optimizer_options"] or {}
    course = Course(model, objective, train, type(train)("validation"), seed, second, journal, Options(**kept))
    course.noise = Kept(course.noise.generator)
    return course


def alone(course):
    """What `fit` does with a course."""
    for step, rows in course.rows():
        batch = course.batch(course.train.batch(rows.to(place.device), course.binarisation), step)
        for update in course.phase(step).due(step):
            with networks_in(course.options.precision):
                update(course.model, batch, course.rate(update.learning_rate, step))
        if course.looks(step):
            course.look(step, bar(1, "", "", only_on_terminal=True))
            if course.over:
                break
    return course.finish()


def weights(course):
    modules = [course.model, *(of for of in course.objectives.values() if isinstance(of, torch.nn.Module))]
    return [value for module in modules for value in module.state_dict().values()]


def close(one, other, most=1e-9):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=most)


def same(rows, others, rel=1e-6):
    assert [row["kept"] for row in rows] == [row["kept"] for row in others]
    for row, other in zip(rows, others, strict=True):
        assert {key for key in row if row[key] is None} == {key for key in other if other[key] is None}
        numbers = {key: value for key, value in row.items() if value is not None}
        assert numbers == pytest.approx({key: other[key] for key in numbers}, rel=rel, abs=rel)


def held(make, members, groups):
    """The law: in any stack a member has the order, images and noise that it has alone, and its weights to 1e-9."""
    separate = [make(member, Doubles("train")) for member in range(members)]
    histories = [alone(course) for course in separate]
    seen = [course.train.given[course.binarisation] for course in separate]
    for group in groups:
        train = Doubles("train")
        courses = [make(member, train) for member in group]
        found = dict(together(courses))
        for number, member in enumerate(group):
            given = train.given[courses[number].binarisation]
            assert [rows for rows, _ in given] == [rows for rows, _ in seen[member]]
            assert all(torch.equal(x, y) for (_, x), (_, y) in zip(given, seen[member], strict=True))
            draws, expected = courses[number].noise.draws, separate[member].noise.draws
            assert len(draws) == len(expected)
            assert all(torch.equal(a, b) for a, b in zip(draws, expected, strict=True))
            close(weights(courses[number]), weights(separate[member]))
            same(found[number], histories[member])
    return histories


def differing(plan, **options):
    """Other rates, schedules and clipping for each, and of every option of an objective that is a float."""

    def change(objective, member):
        if not isinstance(objective, partial):
            return objective
        floats = {key: value * (1 - 0.1 * member) for key, value in objective.keywords.items() if type(value) is float}
        return partial(objective, **floats)

    def make(member, train):
        rates = {"learning_rate": 1e-3 * (1 + member), "warmup_steps": 3 * member}
        clip = {"clip_norm": None if member == 1 else 1.0 + member}
        schedule = {"schedule": ("cosine", "constant", "burda")[member % 3]}
        given = {**rates, **clip, **schedule, **options}
        return course_of(plan, member, train, change=lambda of: change(of, member), **given)

    return make


def plan_of(*overrides):
    return COMPOSER.plan([*SMALL, *overrides])


@pytest.mark.parametrize("name", [name for name in names_in("objective") if name != "untrained"])
def test_members_of_a_stack_train_as_they_would_alone(name):
    more = ["objective.hidden=[5]"] if name == "factor_vae" else []
    held(differing(plan_of(f"objective={name}", *more)), 3, [(0, 1, 2)])


HEADS = [
    ("posterior=full", "prior=mixture", "likelihood=gaussian_per_pixel"),
    ("posterior=diagonal_shared", "prior=learned_normal", "likelihood=gaussian_learned"),
    ("posterior=diagonal_log_variance", "objective=iwae", "likelihood=logistic", "likelihood.num_components=2"),
    ("objective=iwae", "likelihood=autoregressive", "likelihood.hidden=5"),
    ("likelihood=pixelcnn", "likelihood.layers=1", "likelihood.features=4"),
    ("posterior=delta", "objective=autoencoder", "prior=learned_normal"),  # a prior that gets no gradient
]


@pytest.mark.parametrize("heads", HEADS, ids=lambda heads: "-".join(text.partition("=")[2] for text in heads))
def test_so_they_do_with_any_heads(heads):
    held(differing(plan_of(*heads), steps=6), 2, [(0, 1), (1,)])


def test_so_do_convolutions():
    options = ("model.latent_dim=2", "model.channels=[3,4]", "model.hidden=[5]")
    plan = COMPOSER.plan(["model=conv", *options])
    held(differing(plan, steps=5, precision="fp32"), 2, [(0, 1), (1,)])


@pytest.mark.parametrize("instructions", [False, True])
def test_so_do_networks_in_bf16(monkeypatch, instructions):
    """Products of both are rounded alike; what is added up in another order is float32, unless there are instructions
    for bf16: they round what is added up, so that a gradient near 0 may have another sign, and Adam's step with it."""
    if instructions and not precision.has_bf16("cpu"):
        pytest.skip("no instructions for bf16 here")
    monkeypatch.setattr(precision, "has_bf16", lambda kind: instructions)
    apart, moved = (2e-3, 5e-3) if instructions else (1e-6, 1e-6)
    options = {"steps": 5, "precision": "bf16"}
    stack, single = ([course_of(plan_of(), seed, Floats("train"), **options) for seed in range(2)] for _ in range(2))
    found = dict(together(stack))
    for number, course in enumerate(single):
        same(found[number], alone(course), apart)
        close(weights(stack[number]), weights(course), moved)
    exact = course_of(plan_of(), 0, Floats("train"), steps=5)
    alone(exact)
    assert any(not torch.equal(a, b) for a, b in zip(weights(exact), weights(single[0]), strict=True))


RECORDED = ("beta_vae_warmup", "iwae", "factor_vae", "annealed_vae")


class Blind(TorchFunctionMode):
    """While a GPU records, nobody may ask what a number is."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.item, torch.Tensor.__float__, torch.Tensor.__bool__):
            raise RuntimeError("operation not permitted when stream is capturing")
        return function(*args, **(kwargs or {}))


@pytest.fixture
def replays(monkeypatch):
    """Steps are recorded as a GPU would, and replayed by computing them again from what lies where it lay; gives what
    was recorded."""
    found = []

    def recorded(compute, x, draws):
        step, found = x.new_zeros(()), []

        def replay():
            draws.rewind()
            found[:] = [compute(x, step, draws)]

        with Blind():
            replay()
        return Record(x, step, draws, replay, lambda: found[0])

    class Listed(Replayed):
        def __init__(self, *given):
            super().__init__(*given)
            found.append(self)

    if place.device.type == "cpu":
        monkeypatch.setattr("benchmark.training.recorded.recordable", lambda device: True)
        monkeypatch.setattr("benchmark.training.recorded.recorded", recorded)
    monkeypatch.setattr("benchmark.training.stacked.Replayed", Listed)
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_so_they_do_where_steps_are_recorded_once(name, replays):
    more = ["objective.hidden=[5]"] if name == "factor_vae" else []
    held(differing(plan_of(f"objective={name}", *more)), 3, [(0, 1, 2), (1,)])
    all_are(replays)


def all_are(replays):
    assert replays
    assert [one.why for one in replays] == [""] * len(replays)
    assert all(one.record for one in replays)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", [name for name in names_in("objective") if name != "untrained"])
def test_all_objectives_can_be_recorded_in_the_precision_that_they_train_in(name, precision, replays):
    more = ["objective.hidden=[5]"] if name == "factor_vae" else []
    plan = plan_of(f"objective={name}", *more)
    courses = [course_of(plan, seed, Floats("train"), steps=5, precision=precision) for seed in range(2)]
    assert all(isinstance(outcome, list) for _, outcome in together(courses))
    all_are(replays)


def by_hand(model, batch):
    """What asks for the number of the step, which stands for all where it is recorded."""
    inference = model.infer(batch.x, 1, batch.noise)
    return inference.log_px_z[0] - min(1.0, float(batch.progress) + 0.5) * inference.kl


def test_what_asks_for_the_number_of_a_step_is_computed_at_every_step(replays):
    def make(member, train):
        course = course_of(plan_of(), member, train, steps=8)
        course.phases[0].turns[0].update.value = by_hand
        return course

    held(make, 2, [(0, 1)])
    assert [one.record for one in replays] == [None]
    assert re.search(r"^\w+: .*captur", replays[0].why)


def test_so_is_what_remembers_on_the_way(replays):
    """What is another at every step, whatever it is given."""
    seen = itertools.count()

    def compute(x, step, source):
        return Found(x.flatten(1).sum(1) * next(seen), ())

    replayed = Replayed([Stream.seeded(0, place.device)])
    found = [replayed(compute, torch.ones(1, 2, device=place.device), step).values.item() for step in range(5)]
    assert replayed.why == "ValueError: what is replayed is not what was recorded"
    assert found[:3] == [0, 2, 4]


PHASED = {
    "retrained": (("trainer=retrain_encoder", "objective@second=iwae"), {}),
    "alternating": (("trainer=alternating",), {"optimizer": "RMSprop"}),
    "closed form": (("prior=mixture",), {"phases": (phase(UpdateOptions(("encoder", "decoder")), CLOSED),)}),
    "closed variance": (("trainer=optimal_variance", "likelihood=gaussian_learned"), {}),
}


@pytest.mark.parametrize("case", PHASED)
def test_so_do_phases(case):
    overrides, options = PHASED[case]
    held(differing(plan_of(*overrides), **options), 2, [(0, 1), (1,)])


@pytest.mark.parametrize("rates", ["one rate", "a rate each"])
@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_so_do_all_optimisers(optimizer, rates):
    options = {"optimizer": optimizer, "optimizer_options": {**OPTIMISERS[optimizer], "fused": True}, "steps": 5}
    options |= {"initial_second_moment": 0.01} if optimizer == "Adam" else {}
    same = {"learning_rate": 1e-2, "warmup_steps": 3, "schedule": "cosine"} if rates == "one rate" else {}
    held(differing(plan_of(), **options, **same), 2, [(0, 1), (1,)])


def test_patience_runs_out_for_each_by_itself():
    rates = (2e-2, 1e-12, 3e-1)

    def make(member, train):
        options = {"steps": 30, "validations": 10, "patience": 2, "learning_rate": rates[member]}
        return course_of(plan_of(), member, train, **options)

    histories = held(make, 3, [(0, 1, 2), (2, 1)])
    lengths = [len(history) for history in histories]
    assert min(lengths) < max(lengths), lengths


def test_a_member_that_diverges_is_left_and_named_and_the_others_go_on():
    def make(member, train):
        return course_of(plan_of(), member, train, learning_rate=1e30 if member == 1 else 1e-3)

    courses = [make(member, Doubles("train")) for member in range(3)]
    for course in (courses[0], courses[2]):
        alone(course)
    with pytest.raises(FloatingPointError) as error:
        alone(courses[1])
    train = Doubles("train")
    stack = [make(member, train) for member in range(3)]
    found = dict(together(stack))
    assert type(found[1]) is FloatingPointError
    assert str(found[1]) == str(error.value)
    for member in (0, 2):
        close(weights(stack[member]), weights(courses[member]))
        same(found[member], courses[member].history)


def read_back(model, batch):
    value = model.infer(batch.x, 1, batch.noise).log_px_z[0]
    return value * (1 + 0 * value.detach().mean().item())


def of_its_own(model, batch):
    """What an attribute of one member says is no part of a stack."""
    return batch.x.new_tensor(model.own) * model.infer(batch.x, 1, batch.noise).log_px_z[0]


@pytest.mark.parametrize(
    ("value", "said"),
    [(read_back, r"RuntimeError: .*item\(\)"), (of_its_own, "its value is another in a stack than alone")],
)
def test_what_torch_cannot_map_is_refused_before_anything_moves(value, said):
    courses = [course_of(plan_of(), member, Doubles("train")) for member in range(2)]
    for number, course in enumerate(courses):
        course.model.own = 1.0 + number
        course.phases[0].turns[0].update.value = value
    before = [value.clone() for value in weights(courses[0])]
    with pytest.raises(NotAlike, match=said) as error:
        next(together(courses))
    assert "\n" not in str(error.value)
    assert all(torch.equal(a, b) for a, b in zip(before, weights(courses[0]), strict=True))
    assert not courses[0].noise.draws


def test_an_optimiser_without_a_rule_is_refused():
    courses = [course_of(plan_of(), member, Doubles("train")) for member in range(2)]
    for course in courses:
        course.phases[0].turns[0].update.optimizer = torch.optim.Adamax(course.model.parameters())
    with pytest.raises(NotAlike, match=r"^the rule of torch.optim.Adamax takes no stack$"):
        next(together(courses))
