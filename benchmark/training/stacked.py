"""Runs that train as one program: courses side by side, weights stacked (M, *shape), each with all that is its own.

Every member has its own order, binarisation, noise, rate, clipping, validation, patience, journal and refusal; its
model, optimisers and streams are at any look those that it would have alone, to be gone on from alone as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from benchmark.training.compiling import can_compile
from benchmark.training.course import Course
from benchmark.training.mapped import (
    Member,
    NotAlike,
    Tree,
    Whole,
    numbers_of,
    refuse_unlike,
    set_free,
    stacked_tensors,
    values_of,
)
from benchmark.training.progress import bar
from benchmark.training.recorded import Compute, Found, Record, Replayed, Step, sent
from benchmark.training.rules import RULES, clip
from benchmark.training.steps import optimizer_of
from benchmark.training.updates import ClosedForm, Update
from benchmark.training.validation import Row
from models.noise import Placed, Single, Source
from models.precision import networks_in

TRIED = 4  # examples
Outcome = list[Row] | Exception  # the history of a member whose weights are those that are kept, or what it raised


def together(courses: Sequence[Course], like: Tree | None = None) -> Iterator[tuple[int, Outcome]]:
    """Train all to their ends; gives each one's number and outcome as soon as it has one.

    A member that is no longer finite, or out of patience, leaves the stack, and the others go on as they would have
    anyway; one that was further along when it was killed joins at its step. NotAlike, before the first step, where what
    they train by is not in a stack what it is alone, or the optimiser's rule is not known here; `like` is what `alike`
    gave, where that was asked before.
    """
    like = alike(courses) if like is None else like
    orders = [course.rows() for course in courses]
    going, step, total = dict(enumerate(courses)), 0, courses[0].total
    progress = bar(total, f"training {len(courses)} as one", "step", only_on_terminal=True)
    while going:
        step = max(step, min(course.done for course in going.values()))
        if step == total:
            yield from ((number, _finished(course)) for number, course in going.items())
            break
        here = [number for number, course in going.items() if course.done <= step]
        until = min([total, *(course.done for course in going.values() if course.done > step)])
        stack = _Stack([going[number] for number in here], [orders[number] for number in here], like)
        step, ended = stack.train(step, until, progress)
        for place, error in ended.items():
            course = going.pop(here[place])
            yield here[place], error or _finished(course)
    progress.close()


def alike(courses: Sequence[Course]) -> Tree:
    """NotAlike where courses can be no stack; gives gradients by name, whose order in memory stacked weights take."""
    if unknown := {_name(update) for update in _updates(courses[0]) if isinstance(update, Update)} - RULES.keys():
        raise NotAlike(f"the rule of torch.optim.{min(unknown)} takes no stack")
    return refuse_unlike(_member(courses[0]), _member(courses[-1]))


def _finished(course: Course) -> list[Row]:
    """The history of a course, whose weights are no part of a stack any more."""
    history = course.finish()
    set_free(Whole(course.model, course.objectives))
    return history


def _updates(course: Course) -> list[Update | ClosedForm]:
    """Every update of a course, once, in an order that is the same for all of a stack."""
    return list(dict.fromkeys(turn.update for phase in course.phases for turn in phase.turns))


def _member(course: Course) -> Member:
    """What is tried of a course: a batch of the middle, where no schedule hides anything."""
    values = [update.value for update in _updates(course) if isinstance(update, Update)]
    batch = course.batch(course.validate.x[:TRIED], 1 + course.total // 2)
    return Member(Whole(course.model, course.objectives), values, batch)


def _name(update: Update) -> str:
    return type(update.optimizer).__name__


class _Stack:
    """Courses at one step, whose weights and states are parts of stacked ones as long as it is there."""

    def __init__(
        self, courses: Sequence[Course], orders: Sequence[Iterator[tuple[int, Tensor]]], like: Tree | None = None
    ) -> None:
        self.courses, self.orders, self.first = courses, orders, courses[0]
        wholes = [Whole(course.model, course.objectives) for course in courses]
        self.weights, self.buffers = stacked_tensors(wholes, like)
        self.updates: dict[Update | ClosedForm, _StackedUpdate | list[ClosedForm]] = {}
        for one, *others in zip(*(_updates(course) for course in courses), strict=True):
            if isinstance(one, Update):
                self.updates[one] = _StackedUpdate(wholes[0], self.weights, self.buffers, courses, [one, *others])
            else:
                self.updates[one] = [one, *others]

    def train(self, step: int, until: int, progress: Any) -> tuple[int, dict[int, Exception | None]]:
        """Steps after `step` up to `until`, or to where a member ends: by itself (None) or by an error.

        Gives the step, and who has ended by their places.
        """
        ended: dict[int, Exception | None] = {}
        while step < until and not ended:
            step += 1
            self._advance(step)
            if self.first.looks(step):
                ended = self._look(step, progress)
                progress.update(step - progress.n)
        return step, ended

    def _advance(self, step: int) -> None:
        rows = sent(torch.stack([next(order)[1] for order in self.orders]), self.first.train.device)
        x = self.first.train.batches(rows, [course.binarisation for course in self.courses])
        for update in self.first.phase(step).due(step):
            members = self.updates[update]
            if isinstance(members, _StackedUpdate):
                members(x, step)
            else:  # a closed form is no gradient: each on its own codes
                for course, own, images in zip(self.courses, members, x, strict=True):
                    own(course.model, course.batch(images, step), course.rate(own.learning_rate, step))

    def _look(self, step: int, progress: Any) -> dict[int, Exception | None]:
        for update in self.updates.values():
            if isinstance(update, _StackedUpdate):
                update.hand_over()
        ended: dict[int, Exception | None] = {}
        for place, course in enumerate(self.courses):
            try:
                course.look(step, progress)
            except Exception as error:  # whatever it is: it is this member's alone
                ended[place] = error
            else:
                if course.over:
                    ended[place] = None
        return ended


class _StackedUpdate:
    """The same update of every member, taken at once."""

    def __init__(
        self, whole: Whole, tree: Tree, buffers: Tree, courses: Sequence[Course], updates: Sequence[Update]
    ) -> None:
        names = {id(parameter): name for name, parameter in whole.named_parameters()}
        self.names = [names[id(parameter)] for parameter in updates[0].parameters]
        weights = [tree[name] for name in self.names]
        self.whole, self.courses, self.updates, self.weights = whole, courses, updates, weights
        self.tree, self.buffers = tree, buffers
        self.numbers = numbers_of([update.value for update in updates], weights[0])
        options, kind = courses[0].options, weights[0].device.type
        compiles = options.compile and kind == "cpu" and can_compile(kind, options.precision)
        moved = {id(one): one for one in (*tree.values(), *buffers.values(), *whole.buffers())}
        make = partial(_program, list(moved.values())) if compiles else None
        self.replayed = Replayed([course.noise for course in courses], make)
        plans = {(c.options.schedule, c.options.warmup_steps, u.learning_rate) for c, u in self._pairs}
        self.shared = len(plans) == 1
        self.optimizer = optimizer_of(updates, weights, self.shared)
        most = [torch.inf if update.clip_norm is None else update.clip_norm for update in updates]
        self.most, self.clips = weights[0].new_tensor(most), min(most) < torch.inf
        self.total, self.count = torch.zeros(len(updates), device=weights[0].device), 0

    @property
    def _pairs(self) -> Iterator[tuple[Course, Update]]:
        return zip(self.courses, self.updates, strict=True)

    def __call__(self, x: Tensor, step: int) -> None:
        """Go up the gradients once."""
        found = self.replayed(self._compute, x, step)
        pairs = list(self._pairs)[:1] if self.shared else self._pairs
        self.optimizer.step(found.gradients, [course.rate(update.learning_rate, step) for course, update in pairs])
        self.total += found.values
        self.count += 1

    def _compute(self, x: Tensor, step: Step, source: Source) -> Found:
        found = self._of_one(x, step, source) if self.replayed.make and len(x) == 1 else self._of_all(x, step, source)
        if self.clips:
            clip([gradient for gradient in found.gradients if gradient is not None], self.most)
        return found

    def _of_one(self, x: Tensor, step: Step, source: Source) -> Found:
        """The same of one member, as it is computed alone: a compiler makes less of products that are mapped."""
        first, value = self.courses[0], self.updates[0].value
        own = {name: tensor[0].detach() for name, tensor in (*self.tree.items(), *self.buffers.items())}
        learning = [own[name].requires_grad_() for name in self.names]
        with networks_in(first.options.precision):
            batch = replace(first.batch(x[0], step), noise=Single(source))
            found = functional_call(self.whole, own, (lambda model: value(model, batch).mean(),))
            gradients = torch.autograd.grad(-found, learning, allow_unused=True)
        every = tuple(None if gradient is None else gradient[None] for gradient in gradients)
        return Found(found.detach()[None], every)

    def _of_all(self, x: Tensor, step: Step, source: Source) -> Found:
        first, value = self.courses[0], self.updates[0].value
        with networks_in(first.options.precision):
            batch = first.batch(x[0], step)
            values = values_of(self.whole, value, self.tree, self.buffers, x, self.numbers, batch, source)
            gradients = torch.autograd.grad(-values.sum(), self.weights, allow_unused=True)
        return Found(values.detach(), gradients)

    def hand_over(self) -> None:
        """Give every member the sum of its values since the last look."""
        for update, total in zip(self.updates, self.total, strict=True):
            update.total += total
            update.count += self.count
        self.total, self.count = torch.zeros_like(self.total), 0


def _program(state: Sequence[Tensor], compute: Compute, x: Tensor, draws: Placed) -> Record:
    """A step as a program of all that is moved in place from one to the next."""
    from benchmark.training.programs import compiled  # torch's compiler takes seconds to import

    return compiled(compute, state, x, draws)
