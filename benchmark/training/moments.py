"""Adam's second moments from another start than zero, which torch has no option for."""

from __future__ import annotations

import torch

from benchmark.config.components import ConfigurationError


def start_second_moments(updates: torch.optim.Optimizer, value: float) -> None:
    """Let the running means of squared gradients start at `value`, bias-corrected as if they had started at 0.

    The first steps are then smaller *(the released code of Burda et al., 2016, has 1)*. ConfigurationError for an
    optimiser that is no Adam.
    """
    parameters = [parameter for group in updates.param_groups for parameter in group["params"]]
    for group in updates.param_groups:
        group["lr"] = 0.0  # until the trainer sets it: a step of nothing makes torch lay out its state
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    updates.step()
    updates.zero_grad(set_to_none=True)
    for parameter in parameters:
        state = updates.state[parameter]
        if "exp_avg_sq" not in state:
            name = type(updates).__name__
            raise ConfigurationError(
                f"trainer.initial_second_moment={value}: {name} has no second moments (use trainer.optimizer=Adam)"
            )
        state["exp_avg_sq"].fill_(value)
        state["step"].zero_()
