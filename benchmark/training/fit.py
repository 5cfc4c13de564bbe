"""The training loop: phases of updates that maximise objectives in nats over batches of one split, and its history."""

from __future__ import annotations

from benchmark.training.compiling import Compiled
from benchmark.training.course import Course, Options
from benchmark.training.journal import Journal
from benchmark.training.phases import Phases
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar
from benchmark.training.schedules import Schedule
from benchmark.training.validation import Objective, Row
from models.precision import Precision, networks_in
from models.types import Count, NonNegative, Optimizer, OptimizerOptions, Positive, Stack, Steps
from models.vae import VAE

NOTHING = Journal()


def fit(
    model: VAE,
    objective: Objective,
    train: Pixels,
    validation: Pixels,
    seed: int,
    second: Objective | None = None,
    journal: Journal = NOTHING,
    *,
    steps: Count | None = None,
    epochs: Positive | None = None,
    batch_size: Count = 100,
    shuffle: bool = True,
    optimizer: Optimizer = "Adam",
    learning_rate: Positive = 1e-3,
    optimizer_options: OptimizerOptions | None = None,
    initial_second_moment: NonNegative = 0.0,
    schedule: Schedule = "constant",
    warmup_steps: Steps = 0,
    clip_norm: Positive | None = None,
    validations: Count = 20,
    phases: Phases | None = None,
    patience: Count | None = None,
    stack: Stack = "auto",
    precision: Precision = "fp32",
    channels_last: bool = False,
    compile: bool = False,
) -> list[Row]:
    """Train in place for so many steps or epochs; with `patience`, stop after that many validations without a gain.

    Batches follow the order of the data set, or a new one each epoch (`shuffle`). Adam's second moments start at
    `initial_second_moment`. `phases` are shares of the steps with updates of their own; schedule and warm-up run over
    all steps, and apply to every update, also to those of networks that an objective has of its own: the ratio of two
    learning rates stays what it was chosen to be. So does clipping, of each update by itself.

    `precision` is that of networks while weights are updated; validations, and all else, are float32. Weights of
    convolutions lie with their channels last meanwhile where that is asked for or networks compute in bf16: sums of the
    same products in another order, in less time.

    `compile` lets torch compile the networks for updates; where it cannot, a line says so. Runs on a processor are then
    compiled as whole steps, if that can be, and do not come here. No part of a run, although sums may be rounded
    otherwise.

    `stack` is read by sweeps alone: how many of their runs train as one program. What is trained is the same.

    A `journal` is given the state from time to time, and what it gives back at the start is gone on from.

    Raises ValueError for options that do not fit, before anything is trained, and FloatingPointError when an objective
    is no longer finite.
    """
    options = Options(
        steps, epochs, batch_size, shuffle, optimizer, learning_rate, optimizer_options or {}, initial_second_moment,
        schedule, warmup_steps, clip_norm, validations, phases, patience, precision, channels_last, compile,
    )  # fmt: skip
    course = Course(model, objective, train, validation, seed, second, journal, options)
    networks = Compiled(model, train.device.type, precision, compile)
    progress = bar(course.total, "training", "step", only_on_terminal=True)
    for step, rows in course.rows():
        batch = course.batch(train.batch(rows.to(train.device), course.binarisation), step)
        for update in course.phase(step).due(step):
            with networks_in(precision), networks:
                update(model, batch, course.rate(update.learning_rate, step))
        if course.looks(step):
            course.look(step, progress)
            progress.update(step - progress.n)
            if course.over:
                break
    progress.close()
    return course.finish()
