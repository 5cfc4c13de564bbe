"""What was chosen for a run, be it planned or done: picking runs by it, and telling configurations apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from benchmark.store.groups import EXPERIMENT, HEADS, OPTIONED
from benchmark.store.record import GREATEST

CHOICES = (*OPTIONED, EXPERIMENT)
WEIGHS_THE_RATE = ("models.objectives.elbo", "models.objectives.beta_vae")  # functions whose beta does
BETA = "beta"  # the weight of the rate, whichever objective has it: 1 for the ELBO
Side = Mapping[str, Any]  # choice or option -> what a run must have there


class Chosen(Protocol):
    """A record, or a run that is planned."""

    @property
    def choices(self) -> Mapping[str, str]: ...

    @property
    def config(self) -> Mapping[str, Any]: ...


def selects(side: Side, run: Chosen) -> bool:
    """True if the run has every choice and option that the side names."""
    return all(_named(run, key) == value for key, value in side.items())


def _named(run: Chosen, key: str) -> Any:
    if key == BETA:
        return beta_of(run)
    return run.choices.get(key) if key in CHOICES else _option(run.config, key)


def is_key(key: object) -> bool:
    """True for what a side may name."""
    return key == BETA or key in CHOICES or str(key).startswith(tuple(f"{group}." for group in OPTIONED))


def unknown_option(side: Side, runs: Sequence[Chosen]) -> str | None:
    """An option of the side that none of the runs with its choices knows; None where there is no such run at all."""
    chosen = [run for run in runs if all(run.choices.get(k) == v for k, v in side.items() if k in CHOICES)]
    options = (key for key in side if key not in (*CHOICES, BETA))
    return next((k for k in options if chosen and all(_option(run.config, k) is _ABSENT for run in chosen)), None)


_ABSENT = object()


def _option(config: Mapping[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return _ABSENT
        value = value[part]
    return value


def beta_of(run: Chosen) -> float | None:
    """The beta of a run's objective: 1 for the ELBO, None where it has none."""
    if run.choices.get("objective") == "elbo":
        return 1.0
    beta = (run.config.get("objective") or {}).get("beta")
    return float(beta) if isinstance(beta, int | float) and abs(beta) <= GREATEST else None


def weight_of_rate(run: Chosen) -> float | None:
    """That beta where it weighs the whole rate; None for others: a TC-VAE's weighs a part of it."""
    objective = (run.config.get("objective") or {}).get("_target_")
    return beta_of(run) if objective in WEIGHS_THE_RATE else None


def told_apart(runs: Sequence[Chosen]) -> list[str]:
    """What to call runs of different configurations: the choices and options in which they differ.

    Records of before heads could be chosen name none, and have those that others name.
    """
    flat = [_flat(run) for run in runs]
    keys = dict.fromkeys(key for one in flat for key in one)
    differ = [key for key in keys if len({repr(one.get(key)) for one in flat if key not in HEADS or one.get(key)}) > 1]
    return [", ".join(f"{key}={one[key]}" for key in differ if one.get(key) is not None) for one in flat]


def _flat(run: Chosen) -> dict[str, Any]:
    options = ((group, key, value) for group in OPTIONED for key, value in (run.config.get(group) or {}).items())
    named = {f"{group}.{key}": value for group, key, value in options if key != "_target_"}
    return {**{key: run.choices.get(key) for key in OPTIONED}, **named}
