"""Networks compiled by torch while a model is trained, where there is a compiler."""

from __future__ import annotations

import functools
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from models.posteriors import Encoder
from models.precision import Precision, has_bf16
from models.vae import VAE, Decoder


def compiled(model: VAE, kind: str, precision: Precision, wanted: bool) -> AbstractContextManager[None]:
    """What each update is taken in, on a kind of device: networks of the model are compiled inside.

    What is validated or saved between updates is the model as it is. Where torch cannot compile, that is said in one
    line, and nothing is done.
    """
    why = _obstacle(kind, precision) if wanted else ""
    if why:
        print(f"note: trainer.compile=true: {why}; training goes on uncompiled", file=sys.stderr, flush=True)
    return _Compiled(model) if wanted and not why else nullcontext()


def _obstacle(kind: str, precision: Precision) -> str:
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


class _Compiled(AbstractContextManager[None]):
    """Entered at every update; outside, networks are called as they are."""

    def __init__(self, model: VAE) -> None:
        encoders = [part.features for part in model.modules() if isinstance(part, Encoder)]
        decoders = [part.network for part in model.modules() if isinstance(part, Decoder)]
        self.networks: list[Any] = [*encoders, *decoders]
        self.calls = []
        for network in self.networks:
            network.compile()
            self.calls.append(network._compiled_call_impl)
        self.__exit__()

    def __enter__(self) -> None:
        for network, call in zip(self.networks, self.calls, strict=True):
            network._compiled_call_impl = call

    def __exit__(self, *raised: object) -> None:
        for network in self.networks:
            network._compiled_call_impl = None
