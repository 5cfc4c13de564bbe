"""In which precision networks compute, from x to features and from z to outputs; all else is float32."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Precision = Literal["fp32", "bf16"]
_precision: ContextVar[Precision] = ContextVar("precision", default="fp32")


@contextmanager
def networks_in(precision: Precision) -> Iterator[None]:
    """Whatever goes `through` a network meanwhile is computed in this precision, and so is the gradient of it."""
    before = _precision.set(precision)
    try:
        yield
    finally:
        _precision.reset(before)


def through(network: nn.Module, x: Tensor) -> Tensor:
    """network(x) in the precision that is asked for; what comes out is float32, or what it would be without.

    bf16 has the range of float32 and 8 bits of its 24: products and convolutions take both factors rounded, add up in
    float32 and round the sum, and so do their gradients. Weights stay float32.
    """
    if _precision.get() == "fp32":
        return network(x)
    with torch.autocast(x.device.type, torch.bfloat16), nullcontext() if has_bf16(x.device.type) else Rounded():
        found = network(x)
    return found.float() if found.dtype == torch.bfloat16 else found


def all_of_float32() -> None:
    """Let convolutions of a GPU in float32 be of float32: torch lets them take ten bits of its 23, products not."""
    torch.backends.cudnn.allow_tf32 = False


@functools.cache
def has_bf16(device_type: str) -> bool:
    """Whether torch multiplies bf16 there by instructions for it, and so no slower than float32."""
    if device_type != "cpu":
        return True
    return torch.backends.mkldnn.is_available() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


PRODUCTS = frozenset(
    {functional.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, torch.bmm, torch.addmm}
    | {functional.conv1d, functional.conv2d, functional.conv3d}
    | {functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d}
)


class Rounded(TorchFunctionMode):
    """bf16 on a processor without instructions for it: rounded factors multiplied in float32, and the sum rounded.

    A product of two bf16 numbers is exact in float32, so that nothing but the order of a sum is otherwise. Torch's own
    way there takes seven times as long as float32; this takes float32 and the rounding.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function not in PRODUCTS or args[0].dtype == torch.float64:
            return function(*args, **kwargs)
        with torch.autocast("cpu", enabled=False):
            options = {key: _rounded(value) for key, value in kwargs.items()}
            return function(*map(_rounded, args), **options).bfloat16()


def _rounded(value: Any) -> Any:
    """To bf16 and back; on the way back the gradient is rounded as well."""
    return value.bfloat16().float() if isinstance(value, Tensor) else value
