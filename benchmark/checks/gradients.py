"""What holds of objectives that declare unbiased gradients: on a linear-Gaussian model of one dimension, exactness."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from benchmark.checks.laws import hold
from benchmark.config.plan import Plan
from models.distributions import diagonal_normal
from models.noise import Drawn, Recorded, Stream
from models.vae import VAE, Batch

EXAMPLES = (1.1, -0.7)
NODES = {1: 64, 2: 48}  # of Gauss-Hermite quadrature, to so many draws of an example
STEP, TOLERANCE = 1e-4, 1e-8  # of central differences; relative


class _Line(nn.Module):
    """N(slope v + offset, exp(log_scale)^2) given v (..., 1)."""

    def __init__(self, slope: float, offset: float, log_scale: float) -> None:
        super().__init__()
        self.slope, self.offset, self.log_scale = (
            nn.Parameter(torch.tensor(number, dtype=torch.float64)) for number in (slope, offset, log_scale)
        )

    def forward(self, v: Tensor) -> Distribution:
        mean = self.slope * v + self.offset
        return diagonal_normal(mean, self.log_scale.exp().expand_as(mean), 1)


class _Learned(_Line):
    """A prior N(offset, exp(log_scale)^2): there is nothing that it is given."""

    def forward(self, v: Tensor | None = None) -> Distribution:
        return super().forward(self.offset.new_zeros(1))


def line_model() -> VAE:
    """q(z|x), p(x|z) and p(z) of one dimension each, all learned, in double precision; q is not the posterior."""
    return VAE(_Line(0.4, 0.1, -0.4), _Line(0.8, -0.2, -0.3), _Learned(0.0, 0.2, 0.1))


def exact_gradient_where_declared(plan: Plan) -> None:
    """E[gradient] is the gradient of E[value], where a module names its objective in UNBIASED.

    Both expectations are over the draws, by quadrature, with one and with two samples where the objective has
    `num_samples`; the gradient of E[value] is by differences of values, which no estimator can move.
    """
    if plan.objective is None:
        return
    objective = plan.objective.build()
    function = getattr(objective, "func", objective)
    if function not in getattr(sys.modules.get(getattr(function, "__module__", "")), "UNBIASED", ()):
        return
    counted = "num_samples" in getattr(objective, "keywords", {})
    for options in ({"num_samples": 1}, {"num_samples": 2}) if counted else ({},):
        exact_gradient(partial(objective, **options), ", ".join(f"{k}={v}" for k, v in options.items()))


def exact_gradient(objective: Callable[[VAE, Batch], Tensor], which: str = "") -> None:
    """The law for one objective, a function of values (B,) that asks for one or two normal numbers an example."""
    model = line_model()
    x, noise, weights = _quadrature(objective, model)

    def expected() -> Tensor:
        return (weights * objective(model, Batch(x, 10, 100, Drawn([noise]), 100))).sum()

    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(expected(), list(parameters.values()), allow_unused=True, materialize_grads=True)
    for (name, parameter), gradient in zip(parameters.items(), gradients, strict=True):
        exact = _difference(expected, parameter)
        bias = gradient.item() - exact
        label = f" at {which}" if which else ""
        hold(abs(bias) <= TOLERANCE * max(1.0, abs(exact)), f"the gradient of {name} has bias {bias:.3g}{label}")


def _quadrature(objective: Any, model: VAE) -> tuple[Tensor, Tensor, Tensor]:
    """Every example at every node: x (B, 1), the noise of one call, the weight of each row (B,)."""
    recorded = Recorded(Stream.seeded(0))
    objective(model, Batch(torch.zeros((1, 1), dtype=torch.float64), noise=recorded))
    shapes = [tuple(draw.shape) for draw in recorded.draws]
    hold(shapes in ([(1, 1, 1)], [(2, 1, 1)]), f"draws noise of shapes {shapes}; expected one or two samples at once")
    count = shapes[0][0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[count])
    grid = np.array(list(product(nodes, repeat=count)))
    mass = np.array([math.prod(each) for each in product(weights / weights.sum(), repeat=count)])
    x = torch.tensor(EXAMPLES, dtype=torch.float64).repeat_interleave(len(grid))[:, None]
    noise = torch.from_numpy(grid.T.copy())[:, :, None].repeat(1, len(EXAMPLES), 1)
    return x, noise, torch.from_numpy(mass).repeat(len(EXAMPLES)) / len(EXAMPLES)


@torch.no_grad()
def _difference(expected: Callable[[], Tensor], parameter: Tensor) -> float:
    """The derivative by a scalar parameter, central and of the fourth order."""
    at, found = parameter.clone(), {}
    for steps in (-2, -1, 1, 2):
        parameter.copy_(at + steps * STEP)
        found[steps] = expected().item()
    parameter.copy_(at)
    return (8 * (found[1] - found[-1]) - (found[2] - found[-2])) / (12 * STEP)


LAWS = (exact_gradient_where_declared,)
