"""What a VampPrior adds to a training step, beside the encoder and the products that it adds, on one thread."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmark.training.threads import threads
from tests.speed.core import Row, Timed, interleaved
from tests.speed.training import CASES, DEVICE, Case, Training

PSEUDO_INPUTS = 500


def rows(quick: bool = False) -> list[Row]:
    """One row for each of some networks."""
    with threads(1):
        return [_of_case(case, 3 if quick else 25) for case in ((CASES[1],) if quick else (*CASES[1:3], CASES[4]))]


def _of_case(case: Case, rounds: int) -> Row:
    with_it = case._replace(overrides=(*case.overrides, "prior=vamp", f"prior.num_components={PSEUDO_INPUTS}"))
    plain, vamp, bare = Training(case, "fp32"), Training(with_it, "fp32"), added(with_it)
    steps = max(1, case.steps // 4)
    what: dict[str, Timed] = {"plain": lambda: plain.take(steps), "vamp": lambda: vamp.take(steps)}
    seconds = interleaved({**what, "products": lambda: [bare() for _ in range(steps)]}, rounds)
    more, least = seconds["vamp"] - seconds["plain"], seconds["products"]
    whole = seconds["vamp"] / (seconds["plain"] + least)
    note = f"the whole step takes {whole:.2f} x a plain step, the encoder and the products"
    name = f"what a VampPrior of {PSEUDO_INPUTS} adds to a step, {case.name}"
    return Row(name, steps, "steps", more, "the encoder and the products", least, note=note)


def added(case: Case) -> Callable[[], object]:
    """What pseudo-inputs cannot do without: the encoder forward, and back to its weights and to them, and the products
    of the table of log-densities, forward and back."""
    encoder = Training(case, "fp32").model.encoder
    inputs = torch.rand((PSEUDO_INPUTS, *case.shape), device=DEVICE, requires_grad=True)
    weights = list(encoder.parameters())
    latents = encoder(inputs[:1]).event_shape[-1]
    z = torch.rand(case.batch, latents, device=DEVICE, requires_grad=True)
    table = torch.rand(latents, PSEUDO_INPUTS, device=DEVICE, requires_grad=True)
    ones = torch.ones(case.batch, PSEUDO_INPUTS, device=DEVICE)

    def do() -> None:
        tensors = list(encoder.tensors(inputs).values())
        torch.autograd.grad(tensors, [*weights, inputs], [torch.ones_like(one) for one in tensors])
        for _ in range(2):  # z with m / s^2, and z^2 with 1 / s^2
            torch.autograd.grad(z @ table, [z, table], ones)

    return do
