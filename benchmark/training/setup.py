"""A run with everything built before it starts: data on the device, model, objective, one draw of the test data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from benchmark.config.components import Component, ConfigurationError
from benchmark.config.plan import Plan
from benchmark.datasets import Dataset
from benchmark.store.groups import SECOND
from benchmark.training.journal import Journal
from benchmark.training.loading import comparison_group, device_of, load_dataset, measure_of, values_of
from benchmark.training.noise import noise_stream, numpy_stream, seed_of, torch_stream
from benchmark.training.pixels import Pixels
from benchmark.training.validation import Row
from metrics.core import Representation
from models.auxiliary import auxiliaries_of
from models.distributions import NoDensity
from models.examples import Examples
from models.heads import Heads
from models.precision import all_of_float32
from models.supervised import classes_of
from models.vae import VAE, Batch

REHEARSAL = 200  # examples on which metrics are tried before training starts


class Drawn(Mapping[str, Tensor]):
    """Probe and test examples as floats, each held as long as anybody looks at it: not while a model is trained."""

    def __init__(self, dataset: Dataset, device: torch.device, seed: int) -> None:
        self.pixels = {split: Pixels(dataset, split, device) for split in ("probe", "test")}
        self.seed = seed
        self.held: WeakValueDictionary[str, Tensor] = WeakValueDictionary()

    def __getitem__(self, split: str) -> Tensor:
        found = self.held.get(split)
        if found is None:
            found = self.held[split] = self.pixels[split].drawn(self.seed, split)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.pixels)

    def __len__(self) -> int:
        return len(self.pixels)


@dataclass(frozen=True)
class Setup:
    """What a run works with; `model` is None for references, `objective` is None where nothing is trained."""

    plan: Plan
    dataset: Dataset
    device: torch.device
    drawn: Mapping[str, Tensor]  # probe and test examples (N, *shape), in the one draw that all models share
    train: Any = None  # Pixels, of which there are none for references
    model: VAE | None = None
    objective: Any = None
    second: Any = None  # another objective, for the phases that ask for it
    reference: Representation | None = None

    @property
    def group(self) -> str:
        """Of runs whose likelihoods compare; a whole data set is hashed for it."""
        return comparison_group(self.plan, self.dataset)

    @property
    def objectives(self) -> list[Any]:
        """The first and, where there is one, the second; [None] where nothing is trained."""
        return [self.objective] if self.second is None else [self.objective, self.second]


def build(plan: Plan, dataset: Dataset | None = None, num_train: int | None = None) -> Setup:
    """The setup of a plan, on its data set or another view of it; ValueError where parts do not fit each other.

    `num_train` is the size of the training set where the view has fewer.
    """
    dataset = load_dataset(plan.dataset, plan.settings) if dataset is None else dataset
    measure_of(plan, dataset)
    device = device_of(plan.settings.device)
    setup = Setup(plan, dataset, device, Drawn(dataset, device, plan.settings.evaluation_seed))
    if plan.is_reference:
        codes = plan.model.build()(dataset, numpy_stream(plan.settings.seed, "initialisation"))
        return replace(setup, reference=codes)
    return _with_model(replace(setup, train=Pixels(dataset, "train", device)), plan, num_train)


def build_several(plans: Sequence[Plan]) -> list[Setup]:
    """Setups of runs that share all of their data."""
    first = build(plans[0])
    return [first, *(_with_model(first, plan) for plan in plans[1:])]


def _with_model(setup: Setup, plan: Plan, num_train: int | None = None) -> Setup:
    """The setup of a plan on the data of another."""
    dataset, device = setup.dataset, setup.device
    examples = examples_of(setup.train, plan.settings.seed, num_train)
    model = build_model(plan, dataset.shape, setup.train.mean(), examples).to(device)
    if isinstance(model, VAE) and classes_of(model) != dataset.labels:  # else a network would see part of a label
        what = f"examples of dataset={plan.dataset.name} end in a label of {dataset.labels}"
        raise ConfigurationError(f"model.classes={classes_of(model)}: {what} classes; choose that number")
    second = build_objective(replace(plan, objective=plan.second), model, device)
    return replace(setup, plan=plan, model=model, objective=build_objective(plan, model, device), second=second)


def examples_of(train: Pixels, seed: int, number: int | None = None) -> Examples:
    """Rows of the training set as the encoder sees them, binarised by the stream of pseudo-inputs of a seed.

    Of a training set of `number` that is not there as a whole, the rows that are there stand for the others.
    """

    def rows(wanted: Tensor) -> Tensor:
        generator = torch_stream(seed, "pseudo-inputs", train.device)
        return train.batch(wanted.to(train.device) % len(train), generator).cpu()

    return Examples(number or len(train), rows, values_of(train.dataset) != "real")


def build_model(plan: Plan, shape: tuple[int, ...], mean: Tensor, examples: Examples | None = None) -> VAE:
    """The model with its initial weights, which depend on the seed alone, and on training examples where they do."""
    # modules draw their weights from torch's global stream: lend them one, whoever wrote them
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(plan.settings.seed, "initialisation"))
        return assembled(plan.model, plan.heads, shape, mean, examples)


def assembled(
    model: Component,
    heads: Mapping[str, Component],
    shape: tuple[int, ...],
    mean: Tensor,
    examples: Examples | None = None,
) -> VAE:
    """The model of a network and its heads, or of itself where it takes none; its parts know each other."""
    all_of_float32()
    given = (Heads(**{head: part.build() for head, part in heads.items()}),) if heads else ()
    found = model.build()(shape, mean, *given)
    if isinstance(found, VAE):
        found.attach(examples or Examples.around(mean))
    return found


def build_objective(plan: Plan, model: VAE, device: torch.device) -> Any:
    """The objective as a callable of (model, batch), or None; a class has a state of its own and is instantiated."""
    if plan.objective is None:
        return None
    objective = plan.objective.build()
    if not isinstance(getattr(objective, "func", None), type):
        return objective
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(plan.settings.seed, "adversary"))
        found = objective(model.prior().event_shape[-1])
    return found.to(device) if isinstance(found, torch.nn.Module) else found


def few_of(dataset: Dataset, count: int = REHEARSAL) -> Dataset:
    """The first examples of each split: enough to see whether choices fit each other."""
    return replace(dataset, splits={name: rows[:count] for name, rows in dataset.splits.items()})


def train(setup: Setup, validation: Pixels, journal: Journal | None = None) -> list[Row]:
    """The trainer of a setup on its model, and what it gives back.

    One of the user's may take five arguments alone, and know of no second objective and no journal.
    """
    trainer, second = setup.plan.trainer, setup.plan.second
    assert trainer is not None
    arguments = (setup.model, setup.objective, setup.train, validation, setup.plan.settings.seed)
    more = (setup.second, journal or Journal())[: max(0, _number_taken(trainer.function) - len(arguments))]
    if second is not None and not more:
        raise ConfigurationError(f"objective@second={second.name}: trainer={trainer.name} takes one objective alone")
    return trainer.build()(*arguments, *more)


def _number_taken(function: Callable[..., Any]) -> int:
    """How many positional arguments a function takes."""
    kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 7
    return sum(kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)


class _FirstBatch(Exception):
    """A trainer asks for its first batch: it has nothing against its options."""


class _Unread:
    """The training examples as a trainer sees them before it looks at one."""

    def __init__(self, length: int, device: torch.device) -> None:
        self.length, self.device = length, device

    def __len__(self) -> int:
        return self.length

    def batch(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        raise _FirstBatch


def _rehearse_trainer(setup: Setup, num_train: int) -> None:
    """The trainer up to its first batch: whatever it refuses, it refuses before."""
    if setup.plan.trainer is None:
        return
    validation = Pixels(few_of(setup.dataset, 2), "validation", setup.device)
    with suppress(_FirstBatch):
        train(replace(setup, train=_Unread(num_train, setup.device)), validation)


def rehearse_training(setup: Setup, num_train: int) -> None:
    """Objective and trainer up to the first batch: a wrong choice fails now, not after hours."""
    if setup.objective is not None and setup.model is not None:
        noise = noise_stream(setup.plan.settings.seed, "rehearsal", setup.device)
        batch = Batch(setup.drawn["test"][:2], 0, num_train, noise)
        with torch.no_grad():
            for objective in setup.objectives:
                for value in (objective, *(own.value for own in auxiliaries_of(objective))):
                    _rehearse(value, setup, batch)
        _rehearse_trainer(setup, num_train)


def _rehearse(value: Callable[[VAE, Batch], Tensor], setup: Setup, batch: Batch) -> None:
    """One value; what heads do not have that an objective needs is said with both names."""
    assert setup.model is not None
    try:
        value(setup.model, batch)
    except NoDensity as error:
        choices = setup.plan.choices
        chosen = " ".join(f"{key}={choices[key]}" for key in ("objective", SECOND, "posterior") if key in choices)
        remedy = "choose another posterior, or objective=autoencoder, which asks for none"
        raise ConfigurationError(f"{chosen}: {error}; {remedy}") from error
