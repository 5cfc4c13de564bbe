"""Training steps, alone and as a sweep on all cores, in both precisions, beside their bare products and Pythae."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import tempfile
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.config.compose import compose
from benchmark.datasets import Dataset
from benchmark.sweeping.machine import cores
from benchmark.training.course import Course, Options
from benchmark.training.journal import Journal
from benchmark.training.mapped import Whole
from benchmark.training.memory import keep_freed_blocks
from benchmark.training.pixels import Pixels
from benchmark.training.progress import bar
from benchmark.training.recorded import recordable
from benchmark.training.setup import build_model, build_objective
from benchmark.training.stacked import _Stack
from benchmark.training.threads import threads
from models.noise import Stream
from models.precision import Precision, has_bf16, networks_in
from tests.speed.core import DEVICE, Row, Timed, interleaved

EXAMPLES = 5000
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
DIGITS, SPRITES = (1, 28, 28), (1, 64, 64)


class Case(NamedTuple):
    """What is trained: a model on images of a shape, in batches of a size."""

    name: str
    overrides: tuple[str, ...]
    shape: tuple[int, int, int]
    batch: int
    steps: int  # that are timed together


def perceptron(name: str, shape: tuple[int, int, int], batch: int, steps: int, hidden: list[int], latent: int) -> Case:
    """Hidden layers of ReLU in encoder and decoder alike."""
    both = ("activation=relu", f"hidden={hidden}")
    options = [f"model.{part}_{option}" for part in ("encoder", "decoder") for option in both]
    return Case(name, ("model=mlp", f"model.latent_dim={latent}", *options), shape, batch, steps)


SMALL = perceptron("784-512-16, batch 100", DIGITS, 100, 40, [512], 16)
CASES = (
    SMALL,
    perceptron("784-200-200-50, batch 100", DIGITS, 100, 40, [200, 200], 50),
    perceptron("4096-256-256-10, batch 256", SPRITES, 256, 6, [256, 256], 10),
    Case("4096-1200-1200-10 (mlp_higgins), batch 64", ("model=mlp_higgins",), SPRITES, 64, 4),
    Case("conv on 64x64, batch 64", ("model=conv",), SPRITES, 64, 4),
)


def rows(quick: bool = False) -> list[Row]:
    """One row for each case and precision on one thread, then those of whole sweeps."""
    with threads(1):
        found = [row for case in (CASES[:1] if quick else CASES) for row in _of_case(case, 2 if quick else 7)]
    swept = [(SMALL, 5)] if quick else [(case, 5 * case.steps) for case in CASES]
    return found + [row for case, steps in swept for row in _of_sweep(case, steps, 1 if quick else 5)]


def binary(shape: tuple[int, int, int]) -> Dataset:
    """Random black and white images, packed."""
    lit = np.random.default_rng(0).random((EXAMPLES, int(np.prod(shape)))) < 0.15
    every = np.arange(EXAMPLES)
    splits = {"train": every, "validation": every[:100], "probe": every[:100], "test": every[:100]}
    return Dataset("binary", np.packbits(lit, axis=1), shape, "bits", "static", splits)


class Training:
    """The steps of a run, as `fit` takes them."""

    def __init__(self, case: Case, precision: Precision, channels_last: bool = False, compiled: bool = False) -> None:
        keep_freed_blocks()
        plan, data = compose(list(case.overrides)), binary(case.shape)
        self.pixels, self.precision = Pixels(data, "train", DEVICE), precision
        self.model = build_model(plan, data.shape, self.pixels.mean()).to(DEVICE)
        objective = build_objective(plan, self.model, DEVICE)
        options = Options(
            10**9, None, case.batch, True, "Adam", 1e-3, {"fused": True}, 0.0, "constant", 0, None, 20, None, None,
            precision, channels_last, compiled,
        )  # fmt: skip
        held_out = Pixels(data, "validation", DEVICE)
        self.course = Course(self.model, objective, self.pixels, held_out, 0, None, Journal(), options)
        self.order = self.course.rows()
        whole = Whole(self.model, self.course.objectives)
        like = {name: own[None] for name, own in whole.named_parameters()} if compiled else None
        self.stack = _Stack([self.course], [self.order], like) if recordable(DEVICE) or compiled else None
        self.done = 0

    def take(self, steps: int) -> None:
        """So many steps, as a run takes them there."""
        if self.stack is not None:
            self.done, _ = self.stack.train(self.done, self.done + steps, bar(1, "", "", only_on_terminal=True))
            return
        for _ in range(steps):
            step, chosen = next(self.order)
            batch = self.course.batch(self.pixels.batch(chosen.to(DEVICE), self.course.binarisation), step)
            for update in self.course.phase(step).due(step):
                with networks_in(self.precision):
                    update(self.model, batch, self.course.rate(update.learning_rate, step))


class Peer:
    """The same network, data, optimiser and batches in Pythae: its trainer's own steps, without its progress bar."""

    def __init__(self, case: Case, fused: bool = False) -> None:
        logging.disable(logging.WARNING)
        from pythae.data.datasets import BaseDataset
        from pythae.models import VAE, VAEConfig
        from pythae.trainers import BaseTrainer, BaseTrainerConfig

        data = binary(case.shape)
        images = torch.from_numpy(data.decoded(data.splits["train"]))
        model = VAE(VAEConfig(input_dim=case.shape, latent_dim=16, reconstruction_loss="bce"))
        config = BaseTrainerConfig(
            output_dir=tempfile.mkdtemp(), per_device_train_batch_size=case.batch, learning_rate=1e-3,
            optimizer_cls="Adam", optimizer_params={"fused": True} if fused else None,
        )  # fmt: skip
        self.trainer = BaseTrainer(model, BaseDataset(images, torch.zeros(len(images))), training_config=config)
        self.trainer.prepare_training()
        self.order: Iterator[Any] = iter(())

    def take(self, steps: int) -> None:
        """So many steps, in the words of its method train_step."""
        trainer = self.trainer
        for _ in range(steps):
            inputs = next(self.order, None)
            if inputs is None:
                self.order = iter(trainer.train_loader)
                inputs = next(self.order)
            inputs = trainer._set_inputs_to_device(inputs)
            output = trainer.model(inputs, epoch=1, dataset_size=EXAMPLES, uses_ddp=False)
            trainer._optimizers_step(output)
            output.loss.item()


class Bare:
    """The products and convolutions of the steps of a run alone."""

    def __init__(self, case: Case, precision: Precision) -> None:
        self.step = bare(case, precision)

    def take(self, steps: int) -> None:
        """So many steps."""
        for _ in range(steps):
            self.step()


def peer() -> str:
    """Pythae with its version, or nothing where it is not installed: `pip install 'betterbound[peers]'`."""
    with contextlib.suppress(ImportError):
        from importlib.metadata import PackageNotFoundError, version

        with contextlib.suppress(PackageNotFoundError):
            return f"Pythae {version('pythae')}"
    return ""


def bare(case: Case, precision: Precision) -> Timed:
    """The products and convolutions of one step alone: of each layer forward, to its weights and, but for the first, to
    its inputs; in bf16 where the device multiplies it, else in float32, as they are computed there."""
    training = Training(case, "fp32", precision == "bf16")
    dtype = torch.bfloat16 if precision == "bf16" and has_bf16(DEVICE.type) else torch.float32
    kinds = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
    layers = [layer for layer in training.model.modules() if isinstance(layer, kinds)]
    seen: dict[nn.Module, Tensor] = {}
    hooks = [layer.register_forward_pre_hook(lambda layer, inputs: seen.update({layer: inputs[0]})) for layer in layers]
    images = training.pixels.batch(torch.arange(case.batch, device=DEVICE), torch.Generator())
    training.model.infer(images, 1, Stream.seeded(0, DEVICE))
    for hook in hooks:
        hook.remove()
    inputs = {layer: x.detach().to(dtype).requires_grad_(i > 0) for i, (layer, x) in enumerate(seen.items())}
    for layer in layers:
        layer.to(dtype)

    def do() -> None:
        for layer, x in inputs.items():
            found = layer(x)
            torch.autograd.grad(found, [*layer.parameters(), *([x] if x.requires_grad else [])], torch.ones_like(found))

    return do


def _of_case(case: Case, rounds: int) -> list[Row]:
    ours = {f"ours {precision}": Training(case, precision) for precision in PRECISIONS}
    if any("conv" in text for text in case.overrides):
        ours["ours fp32, channels last"] = Training(case, "fp32", True)
    theirs = {"peer": Peer(case), "peer fused": Peer(case, True)} if case == SMALL and peer() else {}
    limits = {f"bare {precision}": Bare(case, precision) for precision in PRECISIONS}
    what: dict[str, Timed] = {}
    for name, training in {**ours, **theirs, **limits}.items():
        what[name] = lambda of=training: of.take(case.steps)
    seconds = interleaved(what, rounds)
    found = []
    for name in ours:
        precision: Precision = "bf16" if "bf16" in name else "fp32"
        done = f"training step {case.name}, {name.removeprefix('ours ')}"
        both = (seconds[f"bare {precision}"], peer() if theirs else "", seconds.get("peer"))
        note = f"{peer()} with fused Adam: {seconds['peer fused'] * 1e3:.4g} ms" if theirs else ""
        found.append(Row(done, case.steps, "steps", seconds[name], _limit(precision), *both, note))
    return found


def _limit(precision: Precision) -> str:
    return "its products" if precision == "fp32" or has_bf16(DEVICE.type) else "its products in float32"


def _serve(pipe: Connection, case: Case) -> None:
    """A process of one thread, as a worker of a sweep is: trains what it is asked to."""
    torch.set_num_threads(1)
    trainings: dict[str, Training | Peer | Bare] = {}
    while (asked := pipe.recv()) is not None:
        name, steps = asked
        if name not in trainings:
            kind, _, precision = name.rpartition(" ")
            if name == "peer":
                trainings[name] = Peer(case)
            elif kind == "bare":
                trainings[name] = Bare(case, precision)
            else:
                trainings[name] = Training(case, precision, compiled=kind == "compiled")
        trainings[name].take(steps)
        pipe.send(name)


def _of_sweep(case: Case, steps: int, rounds: int) -> list[Row]:
    """As many processes as there are cores, each training one model after the other; the limit is all of them at the
    products."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context, count = multiprocessing.get_context("spawn"), cores()
    pipes, workers = [], []
    for _ in range(count):
        here, there = context.Pipe()
        workers.append(context.Process(target=_serve, args=[there, case], daemon=True))
        workers[-1].start()
        pipes.append(here)

    def together(name: str) -> None:
        for pipe in pipes:
            pipe.send((name, steps))
        for pipe in pipes:
            pipe.recv()

    theirs = peer() if case == SMALL else ""
    kinds = ("", "compiled ") if DEVICE.type == "cpu" else ("",)
    ours = [f"{kind}{precision}" for kind in kinds for precision in PRECISIONS]
    names = [*ours, *(f"bare {precision}" for precision in PRECISIONS), *(["peer"] if theirs else [])]
    seconds = interleaved({name: lambda of=name: together(of) for name in names}, rounds)
    for pipe in pipes:
        pipe.send(None)
    for worker in workers:
        worker.join()
    return [
        Row(
            f"sweep of {case.name}, {count} processes of one thread, {name}", count * steps, "model-steps",
            seconds[name], _limit(precision), seconds[f"bare {precision}"], theirs, seconds.get("peer"),
        )
        for name in ours
        for precision in PRECISIONS
        if name.endswith(precision)
    ]  # fmt: skip
