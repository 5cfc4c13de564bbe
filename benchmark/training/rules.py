"""Update rules on stacked weights (M, *shape): what torch.optim does to each member's, at a learning rate of its own.

Each rule takes weights, gradients and states of one parameter in place; numbers are those of torch.optim's formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

State = dict[str, Tensor]  # by torch's own names: (M, *shape), and `step`, one number that all members share
Options = Mapping[str, Any]  # a parameter group of the optimiser
Rule = Callable[[Tensor, Tensor, State, Tensor, Options], None]  # weights, gradient, state, rate (M, 1, ..), options


def adam(weights: Tensor, gradient: Tensor, state: State, rate: Tensor, options: Options) -> None:
    """Adam and AdamW *(Kingma and Ba, 2015; Loshchilov and Hutter, 2019)*, AMSGrad too."""
    first, second = options["betas"]
    step = _next(state)
    if options["weight_decay"] and options.get("decoupled_weight_decay"):
        weights.mul_(1 - rate * options["weight_decay"])
    else:
        gradient = _decayed(weights, gradient, options)
    state["exp_avg"].lerp_(gradient, 1 - first)
    state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
    square = state["exp_avg_sq"]
    if options["amsgrad"]:
        square = torch.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
    spread = square.sqrt().div_((1 - second**step) ** 0.5).add_(options["eps"])
    weights.addcdiv_(state["exp_avg"] * (rate / (first**step - 1)), spread)


def sgd(weights: Tensor, gradient: Tensor, state: State, rate: Tensor, options: Options) -> None:
    """Gradient descent, with momentum *(Sutskever et al., 2013, as torch has it)*."""
    gradient = _decayed(weights, gradient, options)
    if momentum := options["momentum"]:
        if "momentum_buffer" in state:
            state["momentum_buffer"].mul_(momentum).add_(gradient, alpha=1 - options["dampening"])
        else:
            state["momentum_buffer"] = gradient.clone()
        buffer = state["momentum_buffer"]
        gradient = gradient.add(buffer, alpha=momentum) if options["nesterov"] else buffer
    weights.addcmul_(gradient, rate, value=-1)


def adagrad(weights: Tensor, gradient: Tensor, state: State, rate: Tensor, options: Options) -> None:
    """Adagrad *(Duchi et al., 2011)*."""
    step = _next(state)
    gradient = _decayed(weights, gradient, options)
    state["sum"].addcmul_(gradient, gradient)
    scaled = gradient * (-rate / (1 + (step - 1) * options["lr_decay"]))
    weights.addcdiv_(scaled, state["sum"].sqrt().add_(options["eps"]))


def rmsprop(weights: Tensor, gradient: Tensor, state: State, rate: Tensor, options: Options) -> None:
    """RMSprop *(Tieleman and Hinton, 2012)*, centred and with momentum where those are asked for."""
    _next(state)
    alpha = options["alpha"]
    gradient = _decayed(weights, gradient, options)
    state["square_avg"].mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
    square = state["square_avg"]
    if options["centered"]:
        state["grad_avg"].lerp_(gradient, 1 - alpha)
        square = square.addcmul(state["grad_avg"], state["grad_avg"], value=-1)
    move = gradient / square.sqrt().add_(options["eps"])
    if options["momentum"]:
        move = state["momentum_buffer"].mul_(options["momentum"]).add_(move)
    weights.addcmul_(move, rate, value=-1)


RULES: Mapping[str, Rule] = {"Adam": adam, "AdamW": adam, "SGD": sgd, "Adagrad": adagrad, "RMSprop": rmsprop}


def starting(optimizer: torch.optim.Optimizer, weights: Tensor) -> State:
    """The state of stacked weights of which no member has any yet, as torch's optimisers begin."""
    options, zero = optimizer.param_groups[0], torch.zeros_like
    name, step = type(optimizer).__name__, torch.zeros(())
    if name in ("Adam", "AdamW"):
        more = {"max_exp_avg_sq": zero(weights)} if options["amsgrad"] else {}
        return {"step": step, "exp_avg": zero(weights), "exp_avg_sq": zero(weights), **more}
    if name == "RMSprop":
        more = {"momentum_buffer": zero(weights)} if options["momentum"] else {}
        more |= {"grad_avg": zero(weights)} if options["centered"] else {}
        return {"step": step, "square_avg": zero(weights), **more}
    return {}  # momentum starts with the first gradient, and Adagrad's sums are there from the start


def clip(gradients: Sequence[Tensor], most: Tensor) -> None:
    """Scale each member's gradients to a norm of at most `most` (M,) over all of them together; infinite: as they are.

    What `torch.nn.utils.clip_grad_norm_` does to each member alone.
    """
    norms = torch.stack([gradient.reshape(len(most), -1).norm(dim=1) for gradient in gradients]).norm(dim=0)
    share = torch.where(most.isinf(), torch.ones_like(norms), (most / (norms + 1e-6)).clamp(max=1))
    for gradient in gradients:
        gradient.mul_(each(share, gradient))


def each(numbers: Tensor, like: Tensor) -> Tensor:
    """Numbers (M,) as (M, 1, ..), to go with stacked tensors."""
    return numbers.to(like.dtype).view(-1, *[1] * (like.ndim - 1))


def _next(state: State) -> float:
    """The number of this step, from 1."""
    state["step"] += 1
    return float(state["step"])


def _decayed(weights: Tensor, gradient: Tensor, options: Options) -> Tensor:
    return gradient.add(weights, alpha=options["weight_decay"]) if options["weight_decay"] else gradient
