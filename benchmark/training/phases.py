"""Phases of a training: shares of its steps, each with its own list of updates of parts of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
from annotated_types import Gt, Le, MinLen
from pydantic import ConfigDict
from torch import nn

from benchmark.config.components import ConfigurationError
from benchmark.training.updates import ClosedForm, Update, auxiliary_updates, learning, solver_of
from benchmark.training.validation import Objective
from models.types import Count, Positive
from models.vae import VAE

CLOSED = ConfigDict(extra="forbid", allow_inf_nan=False)
Which = Literal["first", "second"]  # objective=<name>, objective@second=<name>
SOLVERS = {"prior": ("prior", "a mixture"), "decoder": ("likelihood", "likelihood=gaussian_learned")}  # of closed forms
GROUPS: Mapping[Which, str] = {"first": "objective", "second": "second"}  # where their options are


@dataclass(frozen=True)
class UpdateOptions:
    """One update as it is asked for."""

    __pydantic_config__: ClassVar = CLOSED

    parts: Annotated[tuple[Literal["encoder", "decoder", "prior", "all"], ...], MinLen(1)] = ("all",)  # which learn
    objective: Which = "first"
    every: Count = 1  # so many steps, from the first of its phase on
    times: Count = 1  # in a row, on the same batch with new noise
    learning_rate: Positive | None = None  # instead of the trainer's
    closed_form: bool = False  # asks the prior, or the decoder's likelihood, for its answer to a batch: no gradient


@dataclass(frozen=True)
class PhaseOptions:
    """One phase as it is asked for: a share of the steps, and what is done at each of them, in order."""

    __pydantic_config__: ClassVar = CLOSED

    fraction: Annotated[float, Gt(0), Le(1)]
    updates: Annotated[tuple[UpdateOptions, ...], MinLen(1)]


Phases = Annotated[tuple[PhaseOptions, ...], MinLen(1)]
WHOLE = (PhaseOptions(1.0, (UpdateOptions(),)),)  # the first objective over all parameters, throughout
MakeOptimizer = Callable[[Sequence[nn.Parameter], float], torch.optim.Optimizer]


class Turn(NamedTuple):
    """How often an update has its turn."""

    update: Update | ClosedForm
    every: int
    times: int


@dataclass(frozen=True)
class Phase:
    """Updates that are built, from its first step to its last."""

    number: int  # from 1
    first_step: int
    last_step: int
    turns: list[Turn]
    objective: Objective  # that of its first update, which history.csv follows
    leading: Update | None  # that update; None where all are in closed form

    def due(self, step: int) -> Iterator[Update | ClosedForm]:
        """What is to be done at a step, in order."""
        for update, every, times in self.turns:
            if (step - self.first_step) % every == 0:
                yield from [update] * times

    def refuse_non_finite(self, step: int) -> None:
        """FloatingPointError where the values of any of its updates are not finite."""
        for turn in self.turns:
            if isinstance(turn.update, Update):
                turn.update.refuse_non_finite(step)


class Builder:
    """Makes phases of what is asked for: every update of every phase has an optimiser of its own.

    The networks of an objective's own keep theirs through all phases; they have their turn last, at steps at which the
    objective has one.
    """

    def __init__(
        self,
        model: VAE,
        objectives: Mapping[Which, Objective],
        make: MakeOptimizer,
        learning_rate: float,
        clip_norm: float | None,
    ) -> None:
        self.model, self.objectives, self.make = model, objectives, make
        self.learning_rate, self.clip_norm = learning_rate, clip_norm
        self.own = {which: auxiliary_updates(of, clip_norm, GROUPS[which]) for which, of in objectives.items()}

    def phases(self, asked: Sequence[PhaseOptions] | None, total: int) -> list[Phase]:
        """Those of a training of so many steps; ConfigurationError for what cannot be."""
        _refuse_unfit(asked or WHOLE, "second" in self.objectives)
        ends = _ends(asked or WHOLE, total)
        starts = [1, *(end + 1 for end in ends[:-1])]
        return [self._phase(*one) for one in zip(asked or WHOLE, range(len(ends)), starts, ends, strict=True)]

    def _phase(self, asked: PhaseOptions, index: int, first: int, last: int) -> Phase:
        where = f"trainer.phases[{index}]"
        if last < first:
            raise ConfigurationError(f"{where}.fraction={asked.fraction}: no step at all; give it a greater share")
        solved = self._solved(asked, where)
        turns = [
            Turn(self._update(one, solved, f"{where}.updates[{j}]"), one.every, one.times)
            for j, one in enumerate(asked.updates)
        ]
        gradient = [one for one in asked.updates if not one.closed_form]
        for which, its in self.own.items():
            if every := [one.every for one in gradient if one.objective == which]:
                turns += [Turn(update, min(every), 1) for update in its]
        leading = next((turn.update for turn in turns if isinstance(turn.update, Update)), None)
        objective = self.objectives[gradient[0].objective if gradient else "first"]
        return Phase(index + 1, first, last, turns, objective, leading)

    def _update(self, asked: UpdateOptions, solved: set[nn.Parameter], where: str) -> Update | ClosedForm:
        rate = asked.learning_rate or self.learning_rate
        if asked.closed_form:
            return ClosedForm("prior" if asked.parts == ("prior",) else "decoder", rate)
        parts = [self.model if part == "all" else getattr(self.model, part) for part in asked.parts]
        parameters = (parameter for part in parts for parameter in part.parameters() if parameter not in solved)
        whose = "model: it has" if asked == UpdateOptions() else f"{where}: parts [{', '.join(asked.parts)}] have"
        mine = learning(parameters, whose)
        name = GROUPS[asked.objective] if asked.objective == "first" else "second objective"
        return Update(name, self.objectives[asked.objective], mine, self.make(mine, rate), rate, self.clip_norm)

    def _solved(self, asked: PhaseOptions, where: str) -> set[nn.Parameter]:
        """Parameters that closed forms set, which no gradient moves in the same phase."""
        closed = [(f"{where}.updates[{j}]", one) for j, one in enumerate(asked.updates) if one.closed_form]
        return {parameter for place, one in closed for parameter in self._solved_by(one, f"{place}.closed_form=true")}

    def _solved_by(self, update: UpdateOptions, what: str) -> list[nn.Parameter]:
        if (update.learning_rate or self.learning_rate) > 1 or update.parts not in (("prior",), ("decoder",)):
            needs = "parts: [prior] or [decoder] and a learning rate of at most 1, its moving average's"
            raise ConfigurationError(f"{what}: needs {needs}")
        solver: Any = solver_of(self.model, update.parts[0])
        if not getattr(solver, "in_closed_form", ()):
            which, kind = SOLVERS[update.parts[0]]
            remedy = f"choose one that has, such as {kind}, or leave the update out"
            raise ConfigurationError(f"{what}: the {which} {type(solver).__name__} has no closed form; {remedy}")
        names = dict(solver.named_parameters())
        return [names[name] for name in solver.in_closed_form if name in names]


def uses_both(asked: Sequence[PhaseOptions] | None) -> bool:
    """Whether some phase follows the second objective and another the first: two functions, whose values differ."""
    followed = [next((one.objective for one in phase.updates if not one.closed_form), "first") for phase in asked or ()]
    return len(set(followed)) > 1


def evaluations(asked: Sequence[Mapping[str, Any]] | None) -> tuple[float, float]:
    """How often a step evaluates the first and the second objective, on average, by phases in JSON values."""
    counts = {"first": 0.0, "second": 0.0}
    for phase in asked or ():
        for update in phase["updates"]:
            if not update["closed_form"]:
                counts[update["objective"]] += phase["fraction"] * update["times"] / update["every"]
    return (counts["first"], counts["second"]) if asked else (1.0, 0.0)


def _ends(asked: Sequence[PhaseOptions], total: int) -> list[int]:
    """The last step of each phase."""
    done = [math.fsum(phase.fraction for phase in asked[: i + 1]) for i in range(len(asked))]
    return [*(round(total * fraction) for fraction in done[:-1]), total]


def _refuse_unfit(asked: Sequence[PhaseOptions], has_second: bool) -> None:
    fractions = [phase.fraction for phase in asked]
    if not math.isclose(math.fsum(fractions), 1.0, abs_tol=1e-6):
        listed = ", ".join(f"{fraction:g}" for fraction in fractions)
        raise ConfigurationError(f"trainer.phases: their fractions ({listed}) add up to {sum(fractions):g}, not to 1")
    updates = {(i, j): one for i, phase in enumerate(asked) for j, one in enumerate(phase.updates)}
    second = [where for where, one in updates.items() if one.objective == "second" and not one.closed_form]
    if second and not has_second:
        i, j = second[0]
        where = f"trainer.phases[{i}].updates[{j}].objective=second"
        raise ConfigurationError(f"{where}: there is no second objective; choose one, objective@second=<name>")
    if has_second and not second:
        remedy = "choose one that does, such as trainer=retrain_encoder, or leave it out"
        raise ConfigurationError(f"objective@second: no phase of the trainer asks for a second objective; {remedy}")
