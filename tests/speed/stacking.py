"""Training steps of stacked models beside those of the same models one at a time: a perceptron and convolutions.

On a GPU of 1, 8, 32 and 128 models; on a processor of fewer, where tiny ones alone gain.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from benchmark.config.compose import compose
from benchmark.datasets import Dataset
from benchmark.training.course import Course
from benchmark.training.fit import NOTHING
from benchmark.training.kept import options_of
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar
from benchmark.training.recorded import recordable
from benchmark.training.setup import build_model, build_objective
from benchmark.training.stacked import _Stack, alike
from tests.speed.core import DEVICE, Row, Timed, interleaved, training_products

ALONE = 8  # models at most that are timed one at a time
COMMON = ("objective=beta_vae", "trainer.steps=1000000", "trainer.validations=1")


def rows(quick: bool) -> list[Row]:
    """A row for each network and each number of models."""
    cuda = torch.cuda.is_available()
    counts = (1, 8, 32, 128) if cuda else (1, 2) if quick else (1, 4, 8)
    steps = 2 if quick else 100 if cuda else 5
    few = [_perceptron((1, 8, 8), 32, 4, 20, count, steps) for count in (1, 8, 32)]
    many = [_perceptron((1, 28, 28), 512, 16, 100, count, steps) for count in counts]
    return [*few, *many, *(_convolutions(count, steps) for count in counts)]


def _perceptron(shape: tuple[int, ...], hidden: int, latent: int, size: int, count: int, steps: int) -> Row:
    """With its matrix products as the limit."""
    pixels = int(np.prod(shape))
    widths = (f"model.latent_dim={latent}", f"model.encoder_hidden=[{hidden}]", f"model.decoder_hidden=[{hidden}]")
    timed = _timed(["model=mlp", *widths, f"trainer.batch_size={size}"], shape, count, steps)
    layers = [(pixels, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, pixels)]
    products = training_products(size, layers, torch.empty(0, device=DEVICE))
    found = interleaved({**timed, "products": lambda: [products() for _ in range(count * steps)]}, rounds=5)
    limit = ("its matrix products, one model after the other", found["products"])
    peer = ("one at a time", _of_all(found["alone"], count))
    name = f"{count} models {pixels}-{hidden}-{latent}, batch {size}"
    return Row(name, count * steps, "steps", found["stacked"], *limit, *peer)


def _convolutions(count: int, steps: int) -> Row:
    timed = _timed(["model=conv", "trainer.batch_size=64"], (1, 64, 64), count, steps)
    found = interleaved(timed, rounds=3)
    name = f"{count} models conv 64x64, batch 64"
    alone = _of_all(found["alone"], count)
    return Row(name, count * steps, "steps", found["stacked"], peer="one at a time", peer_seconds=alone)


def _of_all(seconds: float, count: int) -> float:
    """The seconds of so many models alone by those of the few that were timed."""
    return seconds * count / min(count, ALONE)


def _timed(overrides: Sequence[str], shape: tuple[int, ...], count: int, steps: int) -> dict[str, Timed]:
    """So many steps further with each call, stacked and alone."""
    stacked, alone = (_courses(overrides, shape, number) for number in (count, min(count, ALONE)))
    orders = [course.rows() for course in alone]
    progress = bar(1, "", "", only_on_terminal=True)
    done, done_alone = itertools.count(0, steps), itertools.count(0, steps)
    stack = _Stack(stacked, [course.rows() for course in stacked], alike(stacked))
    ones = [_Stack([course], [order]) for course, order in zip(alone, orders, strict=True) if recordable(DEVICE)]

    def one_at_a_time() -> None:
        if ones:  # as runs train there
            step = next(done_alone)
            for one in ones:
                one.train(step, step + steps, progress)
            return
        for course, order in zip(alone, orders, strict=True):
            for step, rows in itertools.islice(order, steps):
                batch = course.batch(course.train.batch(rows.to(DEVICE), course.binarisation), step)
                for update in course.phase(step).due(step):
                    update(course.model, batch, course.rate(update.learning_rate, step))

    def as_one() -> None:
        step = next(done)
        stack.train(step, step + steps, progress)

    return {"stacked": as_one, "alone": one_at_a_time}


def _courses(overrides: Sequence[str], shape: tuple[int, ...], count: int) -> list[Course]:
    """Models that differ in seed and beta, on random images whose packed bits lie on the device."""
    plan = compose([*COMMON, *overrides])
    assert plan.trainer is not None
    packed = np.random.default_rng(0).integers(0, 256, (2000, int(np.prod(shape)) // 8)).astype(np.uint8)
    splits = {"train": np.arange(1600), "validation": np.arange(1600, 1610)}
    data = Dataset("bits", packed, shape, "bits", "none", splits)
    train, validation = (Pixels(data, split, DEVICE) for split in ("train", "validation"))
    courses = []
    for seed in range(count):
        one = replace(plan, settings=replace(plan.settings, seed=seed))
        model = build_model(one, shape, train.mean()).to(DEVICE)
        objective = build_objective(one, model, DEVICE)
        objective = type(objective)(objective, beta=1.0 + seed)
        options = options_of(plan.trainer)
        courses.append(Course(model, objective, train, validation, seed, None, NOTHING, options))
    return courses
