"""Does what a paper is reproduced with train? `python -m tests.slow.first_minute` tries 500 steps each, in ten minutes.

Nothing is listed here: each (network, heads, optimiser, objective) of every experiment named `paper` runs at the ends
of all numbers that it varies (smallest and largest beta, latent size, ...), and so does each trainer that is named
after a paper without an experiment. Schedules and the size of images are the paper's, only fewer images are rendered,
and the digits of scikit-learn stand for MNIST and OMNIGLOT, which are not always at hand. A slow network ends after 20
seconds. The exit code is 1 where a run is not finite, or has not improved its objective over its initial weights.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import math
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Generator, Tensor

from benchmark.config.compose import Composer, compose
from benchmark.config.grids import expand
from benchmark.config.plan import Plan
from benchmark.datasets import idx, mnist, omniglot, sprites
from benchmark.datasets.core import Paths
from benchmark.sweeping.machine import processes
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.pixels import Pixels
from benchmark.training.schedules import total_steps
from benchmark.training.setup import build
from models.vae import VAE, Batch

CONF = Path(__file__).parent.parent.parent / "conf"
STEPS = 500
SECONDS, FEWEST = 20.0, 20  # of a slow network, and its steps at least
SPLIT = 100  # examples of each split that is held out
FEWER = sprites.Grid(canvas=64, scales=3, orientations=9, closed=False, positions=16)  # 20,736 dSprites


class Outcome(NamedTuple):
    """The objective (nats) of some images under the initial and the trained weights, at the last step's schedule."""

    before: float
    after: float  # nan where the training was no longer finite
    seconds: float

    @property
    def holds(self) -> bool:
        """True where the run trains."""
        return math.isfinite(self.after) and self.after > self.before


class _Enough(Exception):
    """The first steps are done."""


class _First(Pixels):
    """Training examples that end after so many batches: the schedules are those of the whole training."""

    left, started = STEPS, math.inf

    def batch(self, rows: Tensor, generator: Generator) -> Tensor:
        """The next batch."""
        self.started = min(self.started, time.perf_counter())
        late = time.perf_counter() - self.started > SECONDS
        if self.left == 0 or (late and self.left <= STEPS - FEWEST):
            raise _Enough
        self.left -= 1
        return super().batch(rows, generator)


def plans(seed: int = 0) -> list[Plan]:
    """All runs."""
    papers = [
        str(path.relative_to(CONF / "experiment").with_suffix("")) for path in CONF.rglob("experiment/*/paper.yaml")
    ]
    found = [plan for name in sorted(papers) for plan in _of_experiment(name, seed)]
    used = {plan.choices["trainer"] for plan in found}
    others = sorted(path.stem for path in CONF.glob("trainer/*[0-9]*.yaml") if path.stem not in used)
    alone = [[f"trainer={name}", *objective] for name in others for objective in _BOUNDS]
    return [*ends(found), *(compose([*overrides, f"seed={seed}"]) for overrides in alone)]


_BOUNDS = (["objective=elbo"], ["objective=iwae", "objective.num_samples=50"])


def _of_experiment(name: str, seed: int) -> Iterator[Plan]:
    """What an experiment trains, with one seed instead of its own."""
    grids = [{key: value for key, value in grid.items() if key != "seed"} for grid in _grids(name)]
    composer = Composer()
    for overrides in expand(composer.parsed, composer.choices, grids, [f"experiment={name}", f"seed={seed}"]):
        plan = composer.plan(overrides)
        if plan.trainer is not None and plan.objective is not None and not plan.is_reference:
            yield plan


def _grids(name: str) -> Iterable[dict[str, Any]]:
    return compose([f"experiment={name}"]).settings.sweep


def ends(found: Iterable[Plan]) -> list[Plan]:
    """Of each (experiment, network, ..., objective) the runs with every varied number at one of its two ends, once."""
    groups = itertools.groupby(sorted(found, key=_group), _group)
    once: dict[str, Plan] = {}  # of one data set, the first
    for group, members in groups:
        for plan in _at_ends(list(members)):
            once.setdefault(repr((group, _parts(plan))), plan)
    return list(once.values())


def _group(plan: Plan) -> tuple[str, ...]:
    groups = ("experiment", "model", "posterior", "prior", "likelihood", "trainer", "objective")
    return tuple(plan.choices[group] for group in groups)


def _at_ends(members: list[Plan]) -> list[Plan]:
    numbers = [_numbers(plan) for plan in members]
    bounds = {key: {f(row[key] for row in numbers) for f in (min, max)} for key in numbers[0]}
    at_an_end = [sum(row[key] in bounds[key] for key in row) for row in numbers]  # of how many numbers
    return [plan for plan, count in zip(members, at_an_end, strict=True) if count == max(at_an_end)]


def _parts(plan: Plan) -> list[tuple[str, Any]]:
    """Name and options of all that a run is but its data."""
    parts = (plan.model, *plan.heads.values(), plan.objective, plan.trainer)
    return [(part.name, part.options) for part in parts if part]


def _numbers(plan: Plan) -> dict[str, float]:
    options = {f"{name}.{key}": value for name, some in _parts(plan) for key, value in some.items()}
    return {key: float(value) for key, value in options.items() if isinstance(value, int | float)}


def try_out(plan: Plan) -> Outcome:
    """The first steps of a run."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    setup = build(plan)
    assert setup.model is not None
    assert plan.trainer is not None
    initial = copy.deepcopy(setup.model)
    validation = Pixels(setup.dataset, "validation", setup.device)
    finite = True
    try:
        train = _First(setup.dataset, "train", setup.device)
        plan.trainer.build()(setup.model, setup.objective, train, validation, plan.settings.seed)
    except _Enough:
        pass
    except FloatingPointError:
        finite = False
    x = validation.batch(torch.arange(min(SPLIT, len(validation))), torch_stream(0, "first minute draw"))
    batch = Batch(x, STEPS, len(train), total_steps=_total(plan, len(train)))
    before, after = (_value(model, setup.objective, batch) for model in (initial, setup.model))
    return Outcome(before, after if finite else math.nan, time.perf_counter() - started)


def _total(plan: Plan, num_examples: int) -> int:
    assert plan.trainer is not None
    options = plan.trainer.options
    return total_steps(options["steps"], options["epochs"], num_examples, min(options["batch_size"], num_examples))


@torch.no_grad()
def _value(model: VAE, objective: Any, batch: Batch) -> float:
    noise = noise_stream(0, "first minute noise")
    return objective(model, replace(batch, noise=noise)).mean().item()


def _on_few_images(plan: Plan, cache: str) -> Outcome:
    sprites.DSPRITES = FEWER
    mnist.load, omniglot._burda = _as_mnist, _as_omniglot
    sizes = {key: SPLIT for key in ("validation", "probe_train", "test") if key in plan.dataset.options}
    dataset = replace(plan.dataset, options={**plan.dataset.options, **sizes})
    return try_out(replace(plan, dataset=dataset, settings=replace(plan.settings, cache_dir=Path(cache), device="cpu")))


def _as_mnist(source: idx.Source, paths: Paths) -> idx.Parts:
    images, labels = _larger_digits()
    return idx.Parts(images, labels, images[:SPLIT], labels[:SPLIT])


def _as_omniglot(paths: Paths) -> NDArray[np.uint8]:
    images, labels = _larger_digits()
    rows = np.arange(sum(omniglot.COUNTS.values())) % len(images)
    return np.concatenate([labels[rows, None], images.reshape(len(images), -1)[rows]], axis=1)


def _larger_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The digits of scikit-learn, (1797, 28, 28) of 0..255, five times: enough for every split."""
    small, labels = load_digits(return_X_y=True)
    grey = torch.as_tensor(small, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    large = torch.nn.functional.interpolate(grey, size=28, mode="bilinear")[:, 0]
    return np.tile((255 * large).round().byte().numpy(), (5, 1, 1)), np.tile(labels.astype(np.uint8), 5)


def main(argv: list[str] | None = None) -> int:
    """Try all and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m tests.slow.first_minute", description=__doc__)
    parser.add_argument("words", nargs="*", help="only runs whose line has all of these words")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    chosen = [plan for plan in plans(arguments.seed) if all(word in _name(plan) for word in arguments.words)]
    if not chosen:
        parser.error(f"no run has all of {arguments.words}")
    workers, spawn = processes(chosen[0].settings, len(chosen)), multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as cache, ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        return exit_code(chosen, pool.map(_on_few_images, chosen, itertools.repeat(cache)))


def exit_code(tried: Sequence[Plan], outcomes: Iterable[Outcome]) -> int:
    """Print a line for each; 0 where there are some and all train."""
    held = [_told(plan, outcome) for plan, outcome in zip(tried, outcomes, strict=True)]
    print(f"{sum(held)} of {len(held)} train")
    return 0 if held and all(held) else 1


def _name(plan: Plan) -> str:
    return " ".join(text for text in plan.overrides if not text.startswith("seed="))


def _told(plan: Plan, outcome: Outcome) -> bool:
    change = f"{outcome.before:9.1f} -> {outcome.after:9.1f} nats {outcome.seconds:4.0f} s"
    print(f"{'trains' if outcome.holds else 'FAILS '} {change}  {_name(plan)}", flush=True)
    return outcome.holds


if __name__ == "__main__":
    sys.exit(main())
