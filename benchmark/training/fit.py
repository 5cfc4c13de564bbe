"""The training loop: updates that maximise objectives in nats over batches of one split, and its history."""

from __future__ import annotations

from benchmark.config.components import ConfigurationError
from benchmark.training.moments import start_second_moments
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.optimizers import optimizer as build_optimizer
from benchmark.training.order import batches
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar, note
from benchmark.training.schedules import Schedule, rate_at, total_steps
from benchmark.training.stopping import Best
from benchmark.training.updates import CHECK, Update, auxiliary_updates, learning
from benchmark.training.validation import Objective, Row, Validation
from models.auxiliary import auxiliaries_of
from models.types import Count, NonNegative, Optimizer, OptimizerOptions, Positive, Steps
from models.vae import VAE, Batch


def fit(
    model: VAE,
    objective: Objective,
    train: Pixels,
    validation: Pixels,
    seed: int,
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
    patience: Count | None = None,
) -> list[Row]:
    """Train in place for so many steps or epochs; with `patience`, stop after that many validations without a gain.

    Batches follow the order of the data set, or a new one each epoch (`shuffle`). Adam's second moments start at
    `initial_second_moment`. After each update of the model the objective's own networks have theirs, with the same
    schedule, warm-up and clipping: the ratio of the two learning rates stays what it was chosen to be.

    Raises ValueError for options that do not fit, before anything is trained, and FloatingPointError when the objective
    is no longer finite.
    """
    size = min(batch_size, len(train))
    total = total_steps(steps, epochs, len(train), size)
    _refuse_impossible(objective, total, warmup_steps, patience)
    parameters = learning(model.parameters(), "model: it has")
    first = build_optimizer(optimizer, parameters, learning_rate, optimizer_options or {})
    if initial_second_moment > 0:
        start_second_moments(first, initial_second_moment)
    leading = Update("objective", objective, parameters, first, learning_rate, clip_norm)
    updates = [leading, *auxiliary_updates(objective, clip_norm)]
    # a stream each, so that objectives which draw more or less noise train on the same images in the same order
    noise, binarisation = noise_stream(seed, "noise", train.device), torch_stream(seed, "binarisation", train.device)
    validate = Validation(model, objective, validation, len(train), seed, total)
    history = [validate(0, 0.0, 0.0, None)]
    best = Best(model, patience, history[0])
    milestones = {round(total * (i + 1) / validations) for i in range(validations)} | {total}
    progress = bar(total, "training", "step", only_on_terminal=True)
    for step, rows in enumerate(batches(len(train), size, total, seed, shuffle), start=1):
        batch = Batch(train.batch(rows.to(train.device), binarisation), step - 1, len(train), noise, total)
        for update in updates:
            update(model, batch, rate_at(update.learning_rate, schedule, warmup_steps, step, total))
        if step % CHECK == 0 or step in milestones:
            for update in updates:
                update.refuse_non_finite(step)
            progress.update(step - progress.n)
        if step in milestones:
            rate = rate_at(learning_rate, schedule, warmup_steps, step, total)
            history.append(validate(step, step * size / len(train), rate, leading.mean()))
            note(progress, **best.update(history[-1]))
            if best.exhausted:
                break
    progress.close()
    best.keep(history)
    return history


def _refuse_impossible(objective: Objective, total: int, warmup_steps: int, patience: int | None) -> None:
    if warmup_steps > total:
        raise ConfigurationError(f"trainer.warmup_steps={warmup_steps}: longer than the training of {total} steps")
    if patience is not None and auxiliaries_of(objective):
        name = type(objective).__name__
        raise ConfigurationError(
            f"trainer.patience={patience}: the value of {name} changes with its adversary, so that no two validations "
            "compare (use trainer.patience=null)"
        )
