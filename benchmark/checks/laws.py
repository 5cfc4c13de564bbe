"""What a law is: a function that raises `Broken`, which says how, where it does not hold."""

from __future__ import annotations

from typing import Any


class Broken(AssertionError):
    """A law that does not hold; the message is a line for whoever wrote what breaks it."""


def hold(condition: Any, why: str) -> None:
    """Raise `Broken` unless the condition is true, also where Python drops asserts."""
    if not condition:
        raise Broken(why)
