"""Initial weights of every network here, and the names that weights had before."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn


@torch.no_grad()
def glorot(model: nn.Module) -> None:
    """Uniform weights in +-sqrt(6 / (inputs + outputs)) *(Glorot and Bengio, 2010)*, zero biases; in place."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


# Names of before heads could be chosen -> names now.
RENAMED = {
    "encoder.mean.": "encoder.head.mean.",
    "encoder.log_stddev": "encoder.head.log_stddev",
    "decoder.log_sigma2": "decoder.likelihood.log_variance",
}


def as_now(weights: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """Weights under the names that a model expects; a variance that its likelihood never had is left out."""
    found = {}
    for name, value in weights.items():
        if name not in expected and (old := next((old for old in RENAMED if name.startswith(old)), None)):
            now = RENAMED[old] + name.removeprefix(old)
            name = now if now in expected or old != "decoder.log_sigma2" else ""
        if name:
            found[name] = value
    return found
