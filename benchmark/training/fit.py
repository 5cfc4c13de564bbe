"""The training loop: phases of updates that maximise objectives in nats over batches of one split, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from benchmark.config.components import ConfigurationError
from benchmark.training.journal import Journal
from benchmark.training.moments import start_second_moments
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.optimizers import optimizer as build_optimizer
from benchmark.training.order import batches
from benchmark.training.phases import Builder, Phases, Which, uses_both
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar, note
from benchmark.training.schedules import Schedule, rate_at, total_steps
from benchmark.training.state import State
from benchmark.training.stopping import Best
from benchmark.training.updates import CHECK
from benchmark.training.validation import Objective, Row, Validation
from models.auxiliary import auxiliaries_of
from models.types import Count, NonNegative, Optimizer, OptimizerOptions, Positive, Steps
from models.vae import VAE, Batch

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
) -> list[Row]:
    """Train in place for so many steps or epochs; with `patience`, stop after that many validations without a gain.

    Batches follow the order of the data set, or a new one each epoch (`shuffle`). Adam's second moments start at
    `initial_second_moment`. `phases` are shares of the steps with updates of their own; schedule and warm-up run over
    all steps, and apply to every update, also to those of networks that an objective has of its own: the ratio of two
    learning rates stays what it was chosen to be. So does clipping, of each update by itself.

    A `journal` is given the state from time to time, and what it gives back at the start is gone on from.

    Raises ValueError for options that do not fit, before anything is trained, and FloatingPointError when an objective
    is no longer finite.
    """
    size = min(batch_size, len(train))
    total = total_steps(steps, epochs, len(train), size)
    objectives: dict[Which, Objective] = (
        {"first": objective} if second is None else {"first": objective, "second": second}
    )

    def make(parameters: Sequence[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        made = build_optimizer(optimizer, parameters, rate, optimizer_options or {})
        if initial_second_moment > 0:
            start_second_moments(made, initial_second_moment)
        return made

    built = Builder(model, objectives, make, learning_rate, clip_norm).phases(phases, total)
    _refuse_impossible(objectives, total, warmup_steps, patience, uses_both(phases))
    # a stream each, so that objectives which draw more or less noise train on the same images in the same order
    noise, binarisation = noise_stream(seed, "noise", train.device), torch_stream(seed, "binarisation", train.device)
    validate = Validation(model, validation, len(train), seed, total)
    history = [validate(built[0].objective, 0, 0.0, 0.0, None, 1)]
    best = Best(model, patience, history[0])
    state = State(model, objectives, built, {"noise": noise.generator, "binarisation": binarisation}, best, history)
    done = journal.resume(state)
    journal.write(history)
    milestones = {round(total * (i + 1) / validations) for i in range(validations)} | {one.last_step for one in built}
    progress = bar(total, "training", "step", only_on_terminal=True)
    for step, rows in enumerate(batches(len(train), size, total, seed, shuffle, done), start=done + 1):
        phase = next(one for one in built if step <= one.last_step)
        batch = Batch(train.batch(rows.to(train.device), binarisation), step - 1, len(train), noise, total)
        for update in phase.due(step):
            update(model, batch, rate_at(update.learning_rate, schedule, warmup_steps, step, total))
        if step % CHECK == 0 or step in milestones:
            phase.refuse_non_finite(step)
            progress.update(step - progress.n)
        if step in milestones:
            leading = phase.leading
            rate = rate_at(leading.learning_rate if leading else learning_rate, schedule, warmup_steps, step, total)
            running = leading.mean() if leading else None
            history.append(validate(phase.objective, step, step * size / len(train), rate, running, phase.number))
            note(progress, **best.update(history[-1]))
            journal.write(history)
            if best.exhausted:
                break
        if step % CHECK == 0 or step in milestones:
            journal.note(state, step)
    progress.close()
    best.keep(history)
    return history


def _refuse_impossible(
    objectives: Mapping[Which, Objective], total: int, warmup_steps: int, patience: int | None, both: bool
) -> None:
    if warmup_steps > total:
        raise ConfigurationError(f"trainer.warmup_steps={warmup_steps}: longer than the training of {total} steps")
    if patience is None:
        return
    changing = [type(of).__name__ for of in objectives.values() if auxiliaries_of(of)]
    why = f"the value of {changing[0]} changes with its adversary" if changing else ""
    why = why or ("its phases follow two objectives" if both else "")
    if why:
        what = f"trainer.patience={patience}: {why}, so that no two validations compare"
        raise ConfigurationError(f"{what} (use trainer.patience=null)")
