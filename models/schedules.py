"""Schedules of objectives: weights in [0, 1] as functions of the fraction of the training that is done."""

from __future__ import annotations

import torch
from torch import Tensor


def ramp(progress: float | Tensor, fraction: float | Tensor) -> float | Tensor:
    """From 0 to 1 in that fraction of the training, then 1 *(KL warm-up: Bowman et al., 2016; Sonderby et al., 2016)*.

    Schedules are in fractions so that every one of them ends within the training, however long it is. Stacked models
    may have a fraction each, a tensor; in a recorded step the progress is one.
    """
    if isinstance(fraction, Tensor) or (isinstance(progress, Tensor) and fraction > 0):
        return torch.where(torch.as_tensor(fraction <= progress), 1.0, progress / fraction)
    if isinstance(progress, Tensor):  # no ramp at all
        return 1.0
    return 1.0 if progress >= fraction else progress / fraction
