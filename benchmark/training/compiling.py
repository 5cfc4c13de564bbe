"""Networks compiled by torch while a model is trained, where there is a compiler: on a GPU, and of models whose whole
steps cannot be (`programs`)."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractContextManager
from typing import Any

import torch

from models.posteriors import Encoder
from models.precision import Precision, has_bf16
from models.vae import VAE, Decoder


class Compiled(AbstractContextManager[None]):
    """What each update is taken in: inside, networks of the model are compiled if that is `wanted`; outside, where the
    model is validated and saved, it is as it was.

    At the first update, not before, a line says so where torch cannot compile; then nothing is done.
    """

    def __init__(self, model: VAE, kind: str, precision: Precision, wanted: bool) -> None:
        self.model, self.kind, self.precision = model, kind, precision
        self.calls: dict[Any, Any] | None = None if wanted else {}  # network -> its compiled call

    def __enter__(self) -> None:
        if self.calls is None:
            self.calls = self._compile()
        for network, call in self.calls.items():
            network._compiled_call_impl = call

    def __exit__(self, *raised: object) -> None:
        for network in self.calls or ():
            network._compiled_call_impl = None

    def _compile(self) -> dict[Any, Any]:
        if not can_compile(self.kind, self.precision):
            return {}
        networks: list[Any] = [part.features for part in self.model.modules() if isinstance(part, Encoder)]
        networks += [part.network for part in self.model.modules() if isinstance(part, Decoder)]
        for network in networks:
            network.compile()
        return {network: network._compiled_call_impl for network in networks}


def can_compile(kind: str, precision: Precision) -> bool:
    """Whether what is asked to be compiled can be; where not, a line says so."""
    if why := obstacle(kind, precision):
        print(f"note: trainer.compile=true: {why}; training goes on uncompiled", file=sys.stderr, flush=True)
    return not why


def obstacle(kind: str, precision: Precision) -> str:
    """Why nothing is compiled for such a device in this precision, or nothing."""
    if precision != "fp32" and not has_bf16(kind):
        return f"precision={precision} is float32 with rounding on this processor"
    return _of_compiler(kind)


@functools.cache
def _of_compiler(kind: str) -> str:
    """Why torch cannot compile for such a device, or nothing: a little sum is tried, once in a process."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(2, device=kind))
    except Exception as error:  # no C++ compiler, no Triton, a Python that torch does not know: of many kinds
        return f"torch cannot compile here ({(str(error).strip().splitlines() or [type(error).__name__])[0]})"
    return ""
