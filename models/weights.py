"""Initial weights of every network here."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def glorot(model: nn.Module) -> None:
    """Uniform weights in +-sqrt(6 / (inputs + outputs)) *(Glorot and Bengio, 2010)*, zero biases; in place."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
