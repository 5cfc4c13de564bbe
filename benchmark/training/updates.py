"""Updates: a value in nats that is maximised over some parameters, by an optimiser of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from benchmark.config.components import ConfigurationError
from benchmark.training.optimizers import optimizer
from models.auxiliary import auxiliaries_of
from models.sampling import draw
from models.vae import VAE, Batch

CHECK = 50  # steps between looks at whether values are still finite (a look waits for a GPU)


class Update:
    """One step of gradient ascent at a time, on the mean of a value over a batch.

    Only the gradients of its own parameters are computed: what is frozen, or another network's, costs nothing.
    """

    def __init__(
        self,
        name: str,
        value: Callable[[VAE, Batch], Tensor],  # (B,) or a scalar
        parameters: Sequence[nn.Parameter],
        optimizer: torch.optim.Optimizer,
        learning_rate: float,
        clip_norm: float | None = None,
    ) -> None:
        self.name, self.value, self.parameters, self.optimizer = name, value, parameters, optimizer
        self.learning_rate, self.clip_norm = learning_rate, clip_norm
        self.total = torch.zeros((), device=parameters[0].device)  # of the values since the last look at their mean
        self.count = 0

    def __call__(self, model: VAE, batch: Batch, learning_rate: float) -> None:
        """Go up the gradient once."""
        value = self.value(model, batch).mean()
        self.optimizer.zero_grad(set_to_none=True)
        (-value).backward(inputs=self.parameters)
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.total += value.detach()
        self.count += 1

    def mean(self) -> float | None:
        """The mean value since this was last asked, nats; None where there was no step."""
        mean = self.total.item() / self.count if self.count else None
        self.total, self.count = torch.zeros_like(self.total), 0
        return mean

    def refuse_non_finite(self, step: int) -> None:
        """FloatingPointError where the values since the last look are not all finite."""
        if not math.isfinite(self.total.item()):
            raise FloatingPointError(
                f"the {self.name} is no longer finite at step {step} (or up to {CHECK} steps before)"
            )


class ClosedForm:
    """A part's own answer to a batch, such as the weights of a mixture by EM or the variance of a likelihood.

    No gradient is computed. The learning rate is the share of the new answer in a moving average.
    """

    def __init__(self, part: Literal["prior", "decoder"], learning_rate: float) -> None:
        self.part, self.learning_rate = part, learning_rate

    @torch.no_grad()
    def __call__(self, model: VAE, batch: Batch, learning_rate: float) -> None:
        """Move the part's parameters towards what fits one draw of q(z|x) for each example."""
        z = draw(model.encoder(batch.x), 1, batch.noise)[0]
        solver: Any = solver_of(model, self.part)
        if self.part == "prior":
            solver.closed_form(z, learning_rate)
        else:
            decoder: Any = model.decoder
            solver.closed_form(decoder.output(z), batch.x, learning_rate)


def solver_of(model: VAE, part: str) -> nn.Module | None:
    """What may have a closed form of a part: the prior itself, the likelihood of a decoder."""
    return {"prior": model.prior, "decoder": getattr(model.decoder, "likelihood", None)}.get(part)


def auxiliary_updates(objective: object, clip_norm: float | None, group: str = "objective") -> list[Update]:
    """The updates of an objective's own networks; errors about their optimisers are led by the group of its choice."""
    updates = []
    for found in auxiliaries_of(objective):
        parameters = learning(found.module.parameters(), f"{group}: its {found.name} has")
        options = (found.optimizer, parameters, found.learning_rate, found.options)
        built = optimizer(*options, key=f"{group}.optimizer_options")
        updates.append(
            Update(f"value of the {found.name}", found.value, parameters, built, found.learning_rate, clip_norm)
        )
    return updates


def learning(parameters: Iterable[nn.Parameter], whose: str) -> list[nn.Parameter]:
    """Those that learn, each once; ConfigurationError where there is none, led by `whose` they would be."""
    found = list(dict.fromkeys(parameter for parameter in parameters if parameter.requires_grad))
    if not found:
        raise ConfigurationError(f"{whose} no parameter that learns")
    return found
