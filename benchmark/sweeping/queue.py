"""What workers are asked for next: stacks first, one at a time on each device that trains, then runs one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from benchmark.config.plan import Plan


class Task(NamedTuple):
    """What one worker is asked for."""

    stack: tuple[Plan, ...]  # one run, or several that train as one program
    device: str

    @property
    def is_stack(self) -> bool:
        """Whether it is the training of several."""
        return len(self.stack) > 1


class Queue:
    """Tasks that are left, and devices that they are for.

    A stack fills the device that trains it, so that the next one waits; runs one by one, what was trained in a stack
    and is to be measured above all, share devices meanwhile.
    """

    def __init__(self, stacks: Iterable[tuple[Plan, ...]], devices: Sequence[str], trainers: int) -> None:
        self.stacks, self.single = deque[tuple[Plan, ...]](), deque[tuple[Plan, ...]]()
        self.free, self.turns = deque(islice(cycle(devices), trainers)), cycle(devices)  # for stacks, for runs
        for stack in stacks:
            self.add(stack)

    def add(self, stack: tuple[Plan, ...]) -> None:
        """Put something last."""
        (self.stacks if len(stack) > 1 else self.single).append(stack)

    def next(self) -> Task | None:
        """What may begin now; None where nothing may before something has ended, or nothing is left."""
        if self.stacks and self.free:
            return Task(self.stacks.popleft(), self.free.popleft())
        return Task(self.single.popleft(), next(self.turns)) if self.single else None

    def ended(self, task: Task) -> None:
        """Let the next stack have the device of one that is over."""
        if task.is_stack:
            self.free.append(task.device)

    def __len__(self) -> int:
        return len(self.stacks) + len(self.single)

    def emptied(self) -> list[Plan]:
        """Every run that was left, when nobody is there to do it."""
        left = [plan for stack in (*self.stacks, *self.single) for plan in stack]
        self.stacks.clear()
        self.single.clear()
        return left
