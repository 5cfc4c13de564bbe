"""One training under way: its phases, streams, validation, history and journal; others take its steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.config.components import ConfigurationError
from benchmark.training.journal import Journal
from benchmark.training.moments import start_second_moments
from benchmark.training.noise import noise_stream, torch_stream
from benchmark.training.optimizers import optimizer as build_optimizer
from benchmark.training.order import batches
from benchmark.training.phases import Builder, Phase, PhaseOptions, Which, uses_both
from benchmark.training.pixels import Pixels
from benchmark.training.progress import note
from benchmark.training.schedules import Schedule, rate_at, total_steps
from benchmark.training.state import State
from benchmark.training.stopping import Best
from benchmark.training.updates import CHECK
from benchmark.training.validation import Objective, Row, Validation
from models.auxiliary import auxiliaries_of
from models.posteriors import Encoder
from models.precision import Precision
from models.vae import VAE, Batch, Decoder


@dataclass(frozen=True)
class Options:
    """What `fit` was given, by the names that it has there."""

    steps: int | None
    epochs: float | None
    batch_size: int
    shuffle: bool
    optimizer: str
    learning_rate: float
    optimizer_options: Mapping[str, Any]
    initial_second_moment: float
    schedule: Schedule
    warmup_steps: int
    clip_norm: float | None
    validations: int
    phases: Sequence[PhaseOptions] | None
    patience: int | None
    precision: Precision = "fp32"
    channels_last: bool = False
    compile: bool = False


class Course:
    """Everything that a training needs and has made so far, gone on from where its journal says that it was.

    ConfigurationError for options that do not fit, before anything is trained.
    """

    def __init__(
        self,
        model: VAE,
        objective: Objective,
        train: Pixels,
        validation: Pixels,
        seed: int,
        second: Objective | None,
        journal: Journal,
        options: Options,
    ) -> None:
        self.model, self.train, self.seed, self.journal, self.options = model, train, seed, journal, options
        self.size = min(options.batch_size, len(train))
        self.total = total_steps(options.steps, options.epochs, len(train), self.size)
        if options.precision != "fp32" and not any(isinstance(part, Encoder | Decoder) for part in model.modules()):
            what = f"trainer.precision={options.precision}: the model has no network that it speaks of"
            raise ConfigurationError(
                f"{what}, which are those of an Encoder and a Decoder (use trainer.precision=fp32)"
            )
        if options.channels_last or options.precision == "bf16":
            _lay_out(model, torch.channels_last)
        objectives: dict[Which, Objective] = {"first": objective}
        if second is not None:
            objectives["second"] = second
        self.objectives = objectives
        builder = Builder(model, objectives, self._optimizer, options.learning_rate, options.clip_norm)
        self.phases = builder.phases(options.phases, self.total)
        _refuse_impossible(objectives, self.total, options)
        # a stream each, so that objectives which draw more or less noise train on the same images in the same order
        self.noise = noise_stream(seed, "noise", train.device)
        self.binarisation = torch_stream(seed, "binarisation", train.device)
        self.validate = Validation(model, validation, len(train), seed, self.total)
        self.history = [self.validate(self.phases[0].objective, 0, 0.0, 0.0, None, 1)]
        self.best = Best(model, options.patience, self.history[0])
        streams = {"noise": self.noise.generator, "binarisation": self.binarisation}
        self.state = State(model, objectives, self.phases, streams, self.best, self.history)
        self.done = journal.resume(self.state)
        journal.write(self.history)
        shares = range(1, options.validations + 1)
        self.milestones = {round(self.total * i / options.validations) for i in shares}
        self.milestones |= {phase.last_step for phase in self.phases}

    def _optimizer(self, parameters: Sequence[nn.Parameter], rate: float) -> torch.optim.Optimizer:
        options = self.options
        made = build_optimizer(options.optimizer, parameters, rate, options.optimizer_options)
        if options.initial_second_moment > 0:
            start_second_moments(made, options.initial_second_moment)
        return made

    def rows(self) -> Iterator[tuple[int, Tensor]]:
        """Each step that is left, from 1, with the rows (B,) of its examples."""
        order = batches(len(self.train), self.size, self.total, self.seed, self.options.shuffle, self.done)
        return enumerate(order, start=self.done + 1)

    def phase(self, step: int) -> Phase:
        """The phase that a step is in."""
        return next(one for one in self.phases if step <= one.last_step)

    def batch(self, x: Tensor, step: int | Tensor) -> Batch:
        """What objectives see at a step of the examples x (B, *shape)."""
        return Batch(x, step - 1, len(self.train), self.noise, self.total)

    def rate(self, learning_rate: float, step: int) -> float:
        """What a learning rate is at a step, by schedule and warm-up."""
        return rate_at(learning_rate, self.options.schedule, self.options.warmup_steps, step, self.total)

    def looks(self, step: int) -> bool:
        """Whether values are looked at after a step, which waits for a GPU."""
        return step % CHECK == 0 or step in self.milestones

    def look(self, step: int, progress: Any) -> None:
        """Refuse what is not finite, validate at a milestone, let the journal write the state.

        FloatingPointError where the values since the last look are not all finite.
        """
        self.phase(step).refuse_non_finite(step)
        if step in self.milestones:
            self._validate(step, progress)
        if not self.over:
            self.journal.note(self.state, step)

    def _validate(self, step: int, progress: Any) -> None:
        phase = self.phase(step)
        leading = phase.leading
        rate = self.rate(leading.learning_rate if leading else self.options.learning_rate, step)
        running = leading.mean() if leading else None
        epoch = step * self.size / len(self.train)
        self.history.append(self.validate(phase.objective, step, epoch, rate, running, phase.number))
        note(progress, **self.best.update(self.history[-1]))
        self.journal.write(self.history)

    @property
    def over(self) -> bool:
        """True when patience has run out."""
        return self.best.exhausted

    def finish(self) -> list[Row]:
        """The history, with the weights that are kept back in the model."""
        self.best.keep(self.history)
        _lay_out(self.model, torch.contiguous_format)
        return self.history


def _lay_out(model: VAE, order: torch.memory_format) -> None:
    """The weights of convolutions in that order of memory, each the same parameter as before."""
    for weight in model.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.to(memory_format=order)  # strides of that order also where one channel has none


def _refuse_impossible(objectives: Mapping[Which, Objective], total: int, options: Options) -> None:
    if options.warmup_steps > total:
        what = f"trainer.warmup_steps={options.warmup_steps}"
        raise ConfigurationError(f"{what}: longer than the training of {total} steps")
    if options.patience is None:
        return
    changing = [type(of).__name__ for of in objectives.values() if auxiliaries_of(of)]
    why = f"the value of {changing[0]} changes with its adversary" if changing else ""
    why = why or ("its phases follow two objectives" if uses_both(options.phases) else "")
    if why:
        what = f"trainer.patience={options.patience}: {why}, so that no two validations compare"
        raise ConfigurationError(f"{what} (use trainer.patience=null)")
