"""A stack that was killed goes on, and so does any member of it alone, to the numbers that it would have had."""

from __future__ import annotations

import pytest

from benchmark.training.stacked import together
from tests.training.test_resume import IDENTITY, Killed, Killing
from tests.training.test_stacked import Doubles, alone, close, course_of, plan_of, same, weights

OPTIONS = {"steps": 60, "validations": 6, "initial_second_moment": 0.01}


class Dying(Killing):
    """Takes the whole process with it, which no member's refusal does."""

    def note(self, state, step):
        try:
            super().note(state, step)
        except Killed as error:
            raise KeyboardInterrupt from error


def options_of(member):
    return {**OPTIONS, "learning_rate": 1e-3 * (1 + member)}


def stack(folder, looks=(99, 99, 99)):
    """Courses with journals in folders of their own, each of which ends the process after so many looks."""
    train = Doubles("train")
    journals = [Dying(folder / str(member), number) for member, number in enumerate(looks)]
    for journal in journals:
        journal.folder.mkdir(exist_ok=True)
    return [course_of(plan_of(), member, train, journals[member], **options_of(member)) for member in range(3)]


@pytest.fixture(scope="module")
def whole():
    courses = [course_of(plan_of(), member, Doubles("train"), **options_of(member)) for member in range(3)]
    return [(course, alone(course)) for course in courses]


def killed(folder, looks):
    with pytest.raises(KeyboardInterrupt):
        dict(together(stack(folder, looks)))


def test_a_killed_stack_goes_on_where_each_member_was(tmp_path, whole):
    """The second member dies in the act: the first was already written down at that step, the others were not."""
    killed(tmp_path, (9, 3, 9))
    again = stack(tmp_path)
    assert [course.done for course in again] == [30, 30, 20]
    found = dict(together(again))
    for member, (course, history) in enumerate(whole):
        close(weights(again[member]), weights(course))
        same(found[member], history)


def test_a_member_of_a_killed_stack_goes_on_alone(tmp_path, whole):
    killed(tmp_path, (9, 9, 4))
    for member, (course, history) in enumerate(whole):
        single = stack(tmp_path)[member]
        assert single.done == 40
        assert single.journal.identity == IDENTITY
        same(alone(single), history)
        close(weights(single), weights(course))
