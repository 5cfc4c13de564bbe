"""The training loop: maximise an objective in nats over batches of one split, and keep its history."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypedDict

import torch
from torch import Tensor

from benchmark.config.components import ConfigurationError
from benchmark.training.moments import start_second_moments
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar, note
from benchmark.training.updates import optimizer as build_optimizer
from models.adversary import Adversarial
from models.evidence import rates_and_distortions
from models.types import Count, NonNegative, Positive, Steps
from models.vae import VAE, Batch

Objective = Callable[[VAE, Batch], Tensor]  # one that is Adversarial has parameters of its own
Schedule = Literal["constant", "cosine", "burda"]
CHECK = 50  # steps between looks at whether the objective is still finite (a look waits for a GPU)
VALIDATION_EXAMPLES = 1000


class Row(TypedDict):
    """One line of history.csv, nats per example; validation values are of up to 1,000 held-out examples.

    All of a training's validation values are of one function: the objective as it is when its schedules have ended.
    """

    step: int
    epoch: float
    learning_rate: float
    objective: float | None  # mean over the training batches since the last row, each as its step had it
    validation_objective: float | None  # None where an adversary makes it another function at every step
    validation_rate: float | None
    validation_distortion: float
    kept: bool  # whether the weights of this step are those that were kept, which one row says


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
    optimizer: Literal["Adam", "AdamW", "SGD", "Adagrad", "RMSprop"] = "Adam",
    learning_rate: Positive = 1e-3,
    optimizer_options: dict[str, float | bool | tuple[float, ...] | None] | None = None,
    initial_second_moment: NonNegative = 0.0,
    schedule: Schedule = "constant",
    warmup_steps: Steps = 0,
    clip_norm: Positive | None = None,
    validations: Count = 20,
    patience: Count | None = None,
) -> list[Row]:
    """Train in place for so many steps or epochs; with `patience`, stop after that many validations without a gain.

    Batches follow the order of the data set, or a new one each epoch (`shuffle`). Adam's second moments start at
    `initial_second_moment`.

    Raises ValueError for options that do not fit, before anything is trained, and FloatingPointError when the objective
    is no longer finite.
    """
    size = min(batch_size, len(train))
    total = total_steps(steps, epochs, len(train), size)
    _refuse_impossible(objective, total, warmup_steps, patience)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    updates = build_optimizer(optimizer, parameters, learning_rate, optimizer_options or {})
    if initial_second_moment > 0:
        start_second_moments(updates, initial_second_moment)
    device = train.device
    # a stream each, so that objectives which draw more or less noise train on the same images in the same order
    noise, binarisation = noise_stream(seed, "noise", device), torch_stream(seed, "binarisation", device)
    validate = _Validation(model, objective, validation, len(train), seed, total)
    history = [validate(0, 0.0, 0.0, None)]
    best = _Best(model, patience, history[0])
    milestones = {round(total * (i + 1) / validations) for i in range(validations)} | {total}
    since, running = 0, torch.zeros((), device=device)
    progress = bar(total, "training", "step", only_on_terminal=True)
    for step, rows in enumerate(_batches(len(train), size, total, seed, shuffle), start=1):
        rate = learning_rate * _factor(schedule, (step - 1) / total) * min(1.0, step / max(warmup_steps, 1))
        for group in updates.param_groups:
            group["lr"] = rate
        batch = Batch(train.batch(rows.to(device), binarisation), step - 1, len(train), noise, total)
        value = objective(model, batch).mean()
        updates.zero_grad(set_to_none=True)
        (-value).backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
        updates.step()
        if isinstance(objective, Adversarial):
            objective.update(model, batch)
        running += value.detach()
        since += 1
        if step % CHECK == 0 or step in milestones:
            _refuse_non_finite(running, step)
            progress.update(step - progress.n)
        if step in milestones:
            history.append(validate(step, step * size / len(train), rate, running.item() / since))
            note(progress, **best.update(history[-1]))
            since, running = 0, torch.zeros((), device=device)
            if best.exhausted:
                break
    progress.close()
    best.keep(history)
    return history


class _Validation:
    """The objective, rate and distortion on the first validation examples, each always with the same noise."""

    def __init__(
        self, model: VAE, objective: Objective, pixels: Pixels, num_examples: int, seed: int, total_steps: int
    ) -> None:
        self.model, self.objective, self.num_examples, self.seed = model, objective, num_examples, seed
        self.total_steps = total_steps
        self.device = pixels.device
        rows = torch.arange(min(len(pixels), VALIDATION_EXAMPLES), device=self.device)
        self.x = pixels.batch(rows, torch_stream(seed, "validation draw", self.device))

    @torch.no_grad()
    def __call__(self, step: int, epoch: float, rate: float, running: float | None) -> Row:
        noise = noise_stream(self.seed, "validation noise", self.device)
        parts = torch.split(self.x, 250)
        batches = [Batch(x, self.total_steps, self.num_examples, noise, self.total_steps) for x in parts]
        values = torch.stack([self.objective(self.model, b).double().mean() * len(b.x) for b in batches])
        value = values.sum().item() / len(self.x)
        row = Row(
            step=step,
            epoch=round(epoch, 4),
            learning_rate=rate,
            objective=running,
            validation_objective=None if isinstance(self.objective, Adversarial) else value,
            validation_rate=None,
            validation_distortion=-value,
            kept=False,
        )
        if not getattr(self.objective, "deterministic", False):
            noise = noise_stream(self.seed, "validation rate", self.device)  # the same for every objective
            pairs = [rates_and_distortions(self.model, x, num_samples=1, noise=noise) for x in parts]
            row["validation_rate"] = torch.cat([pair.rate for pair in pairs]).mean().item()
            row["validation_distortion"] = torch.cat([pair.distortion for pair in pairs]).mean().item()
        return row


class _Best:
    """Early stopping: remembers the weights of the best validation, if patience was asked for."""

    def __init__(self, model: VAE, patience: int | None, first: Row) -> None:
        self.model, self.patience, self.waited = model, patience, 0
        self.value = first["validation_objective"]
        self.weights: Mapping[str, Tensor] | None = None
        self.step: int | None = None  # of the weights

    def update(self, row: Row) -> dict[str, str]:
        """Note a validation; returns what the progress bar shows."""
        value = row["validation_objective"]
        if value is not None and self.value is not None and value > self.value:
            self.value, self.waited = value, 0
            if self.patience is not None:
                self.step = row["step"]
                self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        else:
            self.waited += 1
        rate = row["validation_rate"]
        return {"R": "-" if rate is None else f"{rate:.2f}", "D": f"{row['validation_distortion']:.2f}"}

    @property
    def exhausted(self) -> bool:
        """True when patience has run out."""
        return self.patience is not None and self.waited >= self.patience

    def keep(self, history: list[Row]) -> None:
        """Go back to the best weights, where patience was asked for; else, or if none beat step 0, keep the last."""
        if self.weights is not None:
            self.model.load_state_dict(dict(self.weights))
        step = history[-1]["step"] if self.step is None else self.step
        for row in history:
            row["kept"] = row["step"] == step
        if self.patience is not None and self.step is None:
            what = f"note: trainer.patience={self.patience}: no validation was better than before training"
            print(f"{what}; the last weights are kept, of step {step}", file=sys.stderr, flush=True)


def _refuse_impossible(objective: Objective, total: int, warmup_steps: int, patience: int | None) -> None:
    if warmup_steps > total:
        raise ConfigurationError(f"trainer.warmup_steps={warmup_steps}: longer than the training of {total} steps")
    if patience is not None and isinstance(objective, Adversarial):
        name = type(objective).__name__
        raise ConfigurationError(
            f"trainer.patience={patience}: the value of {name} changes with its adversary, so that no two validations "
            "compare (use trainer.patience=null)"
        )


def total_steps(steps: int | None, epochs: float | None, num_examples: int, batch_size: int) -> int:
    """How many batches a training has; an epoch is N examples. ConfigurationError unless one of both is given."""
    if (steps is None) == (epochs is None):
        raise ConfigurationError(
            f"trainer.steps={steps} and trainer.epochs={epochs}: give exactly one of them (the other null)"
        )
    return steps or max(1, round((epochs or 0) * (num_examples / batch_size)))


def _batches(num_examples: int, size: int, total: int, seed: int, shuffle: bool = True) -> Iterator[Tensor]:
    """`total` batches of rows, in a new order each epoch or always in that of the data set; short ones are left out."""
    order = torch_stream(seed, "order")
    sent = 0
    while True:
        permutation = torch.randperm(num_examples, generator=order) if shuffle else torch.arange(num_examples)
        for start in range(0, num_examples - size + 1, size):
            if sent == total:
                return
            yield permutation[start : start + size]
            sent += 1


def _factor(schedule: Schedule, fraction: float) -> float:
    """The learning rate relative to its start, after a fraction of all steps."""
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * fraction))
    if schedule == "burda":  # 3^i passes at 10^(-i/7), i = 0..7, of 3280 (Burda et al., 2016)
        stage = next(i for i in range(8) if fraction < (3 ** (i + 1) - 1) / 2 / 3280 or i == 7)
        return 10 ** (-stage / 7)
    return 1.0


def _refuse_non_finite(running: Tensor, step: int) -> None:
    if not math.isfinite(running.item()):
        raise FloatingPointError(f"the objective is no longer finite at step {step} (or up to {CHECK} steps before)")
