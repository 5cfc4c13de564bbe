"""What a law is: a function that raises `Broken`, which says how, where it does not hold."""

from __future__ import annotations

from typing import Any

from torch import Tensor


class Broken(AssertionError):
    """A law that does not hold; the message is a line for whoever wrote what breaks it."""


def hold(condition: Any, why: str) -> None:
    """Raise `Broken` unless the condition is true, also where Python drops asserts."""
    if not condition:
        raise Broken(why)


def equal(first: Tensor, second: Tensor) -> bool:
    """Whether tensors are equal to the last bit, what is NaN being so in both: that is for another law to say."""
    return first.shape == second.shape and bool(((first == second) | (first.isnan() & second.isnan())).all())
