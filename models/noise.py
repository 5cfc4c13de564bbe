"""Noise that is asked for, tensors of any shape: from one stream, or for stacked models from one each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Generator, Tensor


class Noise(Protocol):
    """All randomness of an objective or an estimate; each call gives numbers that were not given before."""

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Independent draws of N(0, 1), of the dtype and on the device of `like`."""
        ...

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Independent draws from [0, 1), of the dtype and on the device of `like`."""
        ...


@dataclass(frozen=True)
class Stream:
    """What one generator gives, which is on the device of what it is asked for."""

    generator: Generator

    @classmethod
    def seeded(cls, seed: int, device: torch.device | str = "cpu") -> Stream:
        """The stream of a new generator."""
        return cls(Generator(device).manual_seed(seed))

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws of N(0, 1)."""
        return torch.randn(tuple(shape), generator=self.generator, dtype=like.dtype, device=like.device)

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws from [0, 1)."""
        return torch.rand(tuple(shape), generator=self.generator, dtype=like.dtype, device=like.device)

    def fill(self, tensor: Tensor, kind: Literal["normal", "uniform"]) -> None:
        """Put the next draws where a tensor lies: those that `kind` would give."""
        (tensor.normal_ if kind == "normal" else tensor.uniform_)(generator=self.generator)


class Drawn:
    """Draws that were made before, given in their order: each of stacked models gets its own, never a neighbour's.

    Under `torch.func.vmap` it is made inside the mapped function, of the tensors that one member was given.
    """

    def __init__(self, draws: Sequence[Tensor] = ()) -> None:
        self.draws = tuple(draws)
        self.given = 0  # how many of them were asked for so far

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draw; ValueError where there is none, or none of this shape."""
        if self.given == len(self.draws):
            what = f"noise of shape {tuple(shape)} is asked for"
            raise ValueError(f"{what}; {self.given} draws were made ahead, all given")
        draw = self.draws[self.given]
        if draw.shape != torch.Size(shape):
            what = f"draw {self.given} that was made ahead has shape {tuple(draw.shape)}"
            raise ValueError(f"{what}; noise of shape {tuple(shape)} is asked for")
        self.given += 1
        return draw.to(dtype=like.dtype, device=like.device)

    uniform = normal  # which it is was settled when it was drawn


class Asked(NamedTuple):
    """What was asked of a noise."""

    kind: Literal["normal", "uniform"]
    shape: tuple[int, ...]
    like: Tensor  # empty: a dtype and a device


class Source(Protocol):
    """Where the draws of stacked models come from."""

    def draws(self, what: Asked) -> Tensor:
        """The next draws, (M, *shape)."""
        ...


class Each:
    """Draws of each from a stream of its own, as it would draw them alone."""

    def __init__(self, streams: Sequence[Noise]) -> None:
        self.streams = streams
        self.asked: list[Asked] = []  # so far, in this order

    def draws(self, what: Asked) -> Tensor:
        """The next draws from every stream."""
        self.asked.append(what)
        return torch.stack([getattr(stream, what.kind)(what.shape, what.like) for stream in self.streams])


class Placed:
    """Draws that lie in tensors of their own, filled anew from each stream as often as they are wanted."""

    def __init__(self, asked: Sequence[Asked], count: int) -> None:
        self.asked = tuple(asked)
        self.tensors = [what.like.new_zeros((count, *what.shape)) for what in asked]
        self.given = 0

    def fill(self, streams: Sequence[Stream]) -> None:
        """The next draws of all that was asked for, the same that `Each` would give."""
        for what, tensor in zip(self.asked, self.tensors, strict=True):
            for stream, part in zip(streams, tensor, strict=True):
                stream.fill(part, what.kind)
        self.rewind()

    def rewind(self) -> None:
        """Give the same draws again."""
        self.given = 0

    def draws(self, what: Asked) -> Tensor:
        """The tensor of the next draws; ValueError where something else was asked for before."""
        if self.given == len(self.asked) or what[:2] != self.asked[self.given][:2]:
            raise ValueError(f"{what.kind} noise of shape {what.shape} is asked for, where it was not before")
        self.given += 1
        return self.tensors[self.given - 1]


class Stacked:
    """Draws for stacked models inside `torch.func.vmap`.

    It is made inside the mapped function, of `place`, any number of one member that is mapped over: what tells torch
    that draws are too.
    """

    def __init__(self, place: Tensor, source: Source) -> None:
        self.place, self.source = place, source

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws of N(0, 1) of each."""
        return self._draws("normal", shape, like)

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws from [0, 1) of each."""
        return self._draws("uniform", shape, like)

    def _draws(self, kind: Literal["normal", "uniform"], shape: Sequence[int], like: Tensor) -> Tensor:
        bare = torch.empty(0, dtype=like.dtype, device=like.device)  # `like` may have a gradient, draws have none
        return _Draw.apply(self.place, partial(self.source.draws, Asked(kind, tuple(shape), bare)))


class Single:
    """Draws for the one model that a source has, outside of `torch.func.vmap`."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws of N(0, 1)."""
        return self._draws("normal", shape, like)

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """The next draws from [0, 1)."""
        return self._draws("uniform", shape, like)

    def _draws(self, kind: Literal["normal", "uniform"], shape: Sequence[int], like: Tensor) -> Tensor:
        return self.source.draws(Asked(kind, tuple(shape), like.new_empty(0)))[0]


class _Draw(torch.autograd.Function):
    """Draws (M, *shape), mapped over their first dimension whatever else is."""

    @staticmethod
    def forward(place: Tensor, drawn: Callable[[], Tensor]) -> Tensor:
        raise ValueError("noise of stacked models is asked for outside of torch.func.vmap; give it a Stream")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept: draws have no gradient."""

    @staticmethod
    def vmap(info: Any, mapped: Any, place: Tensor, drawn: Callable[[], Tensor]) -> tuple[Tensor, int]:
        return drawn(), 0


NOTHING = Drawn()  # for what asks for no noise


class Recorded:
    """Another noise, whose draws are kept: `Drawn(recorded.draws)` gives them again."""

    def __init__(self, noise: Noise) -> None:
        self.noise = noise
        self.draws: list[Tensor] = []

    def normal(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """What the other one gives."""
        return self._kept(self.noise.normal(shape, like))

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """What the other one gives."""
        return self._kept(self.noise.uniform(shape, like))

    def _kept(self, draw: Tensor) -> Tensor:
        self.draws.append(draw)
        return draw
