"""The runs that a sweep asks for: a union of grids, in which the command line has the last word."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmark.config.components import ConfigurationError
from benchmark.config.mistakes import one_line

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override, RangeSweep

MOST_RUNS = 100_000
Parse = Callable[[str], "Override"]
Names = Callable[[str], Sequence[str]]  # of a group, for glob(...)


def expand(parse: Parse, names: Names, grids: Sequence[Mapping[str, Any]], arguments: Sequence[str]) -> list[list[str]]:
    """The overrides of every run: the product within each grid, one grid after the other, without repetitions."""
    given = {parse(text).get_key_element().lstrip("+~") for text in arguments}
    jobs: dict[tuple[str, ...], None] = {}
    for grid in grids:
        rest = [f"{key}={_values(value)}" for key, value in grid.items() if key not in given]
        axes: dict[str, list[str]] = {}
        for text in [*arguments, *rest]:
            axes[text.partition("=")[0]] = values_of(text, parse, names)
        _refuse_too_many("sweep", math.prod(map(len, axes.values())) + len(jobs))
        jobs |= dict.fromkeys(itertools.product(*axes.values()))
    return [list(job) for job in jobs]


def values_of(text: str, parse: Parse, names: Names) -> list[str]:
    """The overrides that a sweep over one key stands for; of no sweep itself."""
    from hydra.core.override_parser.types import Glob, RangeSweep, Transformer

    override = parse(text)
    if not override.is_sweep_override():
        return [text]
    if override.is_interval_sweep():
        raise ConfigurationError(f"{text}: an interval has no end of values; write range(...), or choose hydra/sweeper")
    swept: Any = override.value()
    if isinstance(swept, RangeSweep):
        _refuse_too_many(text, _length(swept, text))
    try:
        if isinstance(swept, Glob):
            values = swept.filter(list(names(override.key_or_group)))
        else:
            values = [str(value) for value in override.sweep_iterator(Transformer.str)]
    except Exception as error:
        raise ConfigurationError(f"{text}: {one_line(error)}") from error
    found = [f"{text.partition('=')[0]}={value}" for value in values]
    if not found:
        raise ConfigurationError(f"{text}: there is no such value, and so nothing to run")
    return found


def _length(swept: RangeSweep, text: str) -> float:
    try:
        return abs(float(swept.stop or 0) - float(swept.start or 0)) / abs(float(swept.step))
    except (ArithmeticError, ValueError) as error:
        raise ConfigurationError(f"{text}: a range needs finite numbers and a step other than 0") from error


def _refuse_too_many(text: str, runs: float) -> None:
    if not runs <= MOST_RUNS:
        raise ConfigurationError(f"{text}: {runs:.3g} runs are more than {MOST_RUNS:,}; split them into several sweeps")


def _values(value: Any) -> str:
    """A value of a grid in Hydra's grammar, a list as the values to sweep over; words stay as they are written."""
    return ",".join(map(_element, value)) if isinstance(value, list) else _element(value)


def _element(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_element, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_element(inner)}" for key, inner in value.items()) + "}"
    return "null" if value is None else str(value)
