"""Which planned runs may train as one program: those that share all that shapes and steps follow from."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.config.components import Component
from benchmark.config.plan import Plan
from benchmark.store.checkpoint import DESCRIPTION
from benchmark.store.documents import digest
from benchmark.training.fit import fit
from benchmark.training.loading import device_of

AUTO = 32  # runs in a stack on a GPU, unless a number is given
TRAINED = "it is trained"
VARYING = ("learning_rate", "warmup_steps", "schedule", "clip_norm", "patience", "stack")  # by member, as is the seed


def stacks_of(plans: Sequence[Plan], trainers: int) -> list[tuple[Plan, ...]]:
    """The plans in stacks of at most as many as `trainer.stack` says, and one by one what trains alone.

    Runs of one kind are dealt out evenly; where it is `auto`, so that each of those who train has its share.
    """
    alone: list[Plan] = []
    kinds: dict[str, list[Plan]] = {}
    for plan in plans:
        single = size_of(plan) == 1 or why_alone(plan)
        (alone if single else kinds.setdefault(kind_of(plan), [])).append(plan)
    stacks = []
    for several in kinds.values():
        count = -(-len(several) // size_of(several[0]))
        if _asked(several[0]) == "auto":
            count = max(count, min(trainers, len(several)))
        stacks += [tuple(several[i::count]) for i in range(count)]
    return [*stacks, *((plan,) for plan in alone)]


def size_of(plan: Plan) -> int:
    """How many runs `trainer.stack` lets train as one program; `auto` is one on the CPU, where it gains nothing."""
    asked = _asked(plan)
    if asked == "auto":
        return 1 if device_of(plan.settings.device, here=False).type == "cpu" else AUTO
    return int(asked)


def why_alone(plan: Plan) -> str:
    """Why a run shares no stack with any other; nothing where it may."""
    if why := why_never(plan):
        return why
    return TRAINED if not plan.settings.force and (plan.folder / DESCRIPTION).exists() else ""


def why_never(plan: Plan) -> str:
    """Why a run can be no part of a stack, be it of one; nothing where it may."""
    if plan.trainer is None:
        return "nothing is trained"
    if plan.trainer.function is not fit:
        return f"trainer={plan.trainer.name} has a loop of its own"
    compiled = plan.trainer.options.get("compile") and device_of(plan.settings.device, here=False).type != "cpu"
    return "trainer.compile=true compiles the networks of one model" if compiled else ""


def kind_of(plan: Plan) -> str:
    """What runs of one stack have in common: all but the seed, and numbers that each may have of its own."""
    assert plan.trainer is not None
    parts = {name: part.as_config() for name, part in plan.parts.items() if name not in ("objective", "second")}
    parts["trainer"] = {key: value for key, value in plan.trainer.options.items() if key not in VARYING}
    objectives = [_shape(part) for part in (plan.objective, plan.second) if part is not None]
    settings = plan.settings
    where = (settings.device, settings.threads, settings.force, str(settings.cache_dir), str(settings.data_dir))
    return digest(
        {**parts, "objectives": objectives, "stack": _asked(plan), "where": where, "data": plan.data_checksum}
    )


def _shape(objective: Component) -> dict[str, Any]:
    """An objective without its numbers, which go to a function as tensors; a class keeps them."""
    if inspect.isclass(objective.function):
        return objective.as_config()
    numbers = {key: "a number" for key, value in objective.options.items() if type(value) is float}
    return {"target": objective.target, **objective.options, **numbers}


def _asked(plan: Plan) -> Any:
    options: Mapping[str, Any] = plan.trainer.options if plan.trainer else {}
    return options.get("stack", "auto")
