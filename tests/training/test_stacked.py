"""Runs that train as one program: each has the order, binarisation, noise, weights and history that it has alone."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial

import pytest
import torch

from benchmark.config.compose import compose
from benchmark.training.course import Course, Options
from benchmark.training.fit import NOTHING, fit
from benchmark.training.mapped import NotAlike
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model, build_objective
from benchmark.training.stacked import together
from models.objectives import beta_vae
from tests.support.choices import image_dataset, names_in

SMALL = ("model.latent_dim=3", "model.encoder_hidden=[7]", "model.decoder_hidden=[6]")
SHAPE = (1, 6, 6)


class Doubles(Pixels):
    """Examples in double precision, which remember what was asked for."""

    def __init__(self, split, **protocol):
        super().__init__(image_dataset(SHAPE, **protocol), split, torch.device("cpu"))
        self.given = []

    def batches(self, rows, generators):
        x = super().batches(rows, generators).double()
        self.given += [list(zip(rows.tolist(), x, strict=True))]
        return x


class Kept:
    """A stream that remembers its draws."""

    def __init__(self, stream):
        self.stream, self.generator, self.draws = stream, stream.generator, []

    def normal(self, shape, like):
        self.draws.append(self.stream.normal(shape, like))
        return self.draws[-1]

    def uniform(self, shape, like):
        self.draws.append(self.stream.uniform(shape, like))
        return self.draws[-1]


def course_of(plan, seed, train, journal=NOTHING, change=lambda objective: objective, **options):
    """The course of a plan in double precision, with another seed and other options of the trainer."""
    plan = replace(plan, settings=replace(plan.settings, seed=seed))
    model = build_model(plan, SHAPE, train.mean()).double()
    objective = change(build_objective(plan, model, torch.device("cpu")))
    objective = objective.double() if isinstance(objective, torch.nn.Module) else objective
    second = build_objective(replace(plan, objective=plan.second), model, torch.device("cpu"))
    given = {**plan.trainer.build().keywords, "steps": 20, "batch_size": 5, "validations": 2, **options}
    kept = {field.name: given[field.name] for field in fields(Options)}
    kept["optimizer_options"] = kept["optimizer_options"] or {}
    course = Course(model, objective, train, Doubles("validation"), seed, second, journal, Options(**kept))
    course.noise = Kept(course.noise)
    return course


def alone(course):
    """What `fit` does with a course."""
    for step, rows in course.rows():
        batch = course.batch(course.train.batch(rows, course.binarisation), step)
        for update in course.phase(step).due(step):
            update(course.model, batch, course.rate(update.learning_rate, step))
        if course.looks(step):
            course.look(step, bar())
            if course.over:
                break
    return course.finish()


def bar():
    from benchmark.training.progress import bar

    return bar(1, "", "", only_on_terminal=True)


def weights(course):
    modules = [course.model, *(of for of in course.objectives.values() if isinstance(of, torch.nn.Module))]
    return [value for module in modules for value in module.state_dict().values()]


def close(one, other):
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-9)


def same(rows, others):
    assert [row["kept"] for row in rows] == [row["kept"] for row in others]
    for row, other in zip(rows, others, strict=True):
        assert {key for key in row if row[key] is None} == {key for key in other if other[key] is None}
        numbers = {key: value for key, value in row.items() if value is not None}
        assert numbers == pytest.approx({key: other[key] for key in numbers}, rel=1e-6, abs=1e-6)


def held(make, members):
    """The law: members of one stack, of two, and alone have the same order, images and noise, and weights to 1e-9."""
    separate = [make(member, Doubles("train")) for member in range(members)]
    histories = [alone(course) for course in separate]
    seen = [[(rows, x) for [(rows, x)] in course.train.given] for course in separate]
    for grouping in ([range(members)], [range(1), range(1, members)]):
        for group in grouping:
            train = Doubles("train")
            courses = [make(member, train) for member in group]
            found = dict(together(courses))
            for place, member in enumerate(group):
                assert len(train.given) == len(seen[member])
                for given, (rows, x) in zip(train.given, seen[member], strict=True):
                    assert given[place][0] == rows
                    assert torch.equal(given[place][1], x)
                draws, expected = courses[place].noise.draws, separate[member].noise.draws
                assert len(draws) == len(expected)
                assert all(torch.equal(a, b) for a, b in zip(draws, expected, strict=True))
                close(weights(courses[place]), weights(separate[member]))
                same(found[place], histories[member])
    return separate


def differing(plan):
    """Another value for each member of every option of an objective that is a float."""

    def change(objective, member):
        if not isinstance(objective, partial):
            return objective
        floats = {key: value * (1 - 0.1 * member) for key, value in objective.keywords.items() if type(value) is float}
        return partial(objective, **floats)

    def make(member, train):
        rates = {"learning_rate": 1e-3 * (1 + member), "warmup_steps": 3 * member}
        clip = {"clip_norm": None if member == 1 else 1.0 + member}
        options = {**rates, **clip, "schedule": ("cosine", "constant", "burda")[member % 3]}
        return course_of(plan, member, train, change=lambda of: change(of, member), **options)

    return make


OBJECTIVES = [name for name in names_in("objective") if name != "untrained"]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_members_of_a_stack_train_as_they_would_alone(name):
    """Other seeds, weights of the objective, rates, schedules and clipping."""
    more = ["objective.hidden=[5]"] if name == "factor_vae" else []
    held(differing(compose([f"objective={name}", *SMALL, *more])), 3)
