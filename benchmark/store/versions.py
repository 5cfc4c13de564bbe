"""What a number depends on beside its configuration: raise one of these, and runs made before are made anew, not mixed.

Runs that state no version are of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What is trained under an unchanged configuration, a part of every run's identity: raise it to train anew.
# 2: training images are binarised from a stream of their own; a convolution's output bias is the logit of the mean;
# FactorVAE's discriminator starts with Glorot weights and has two outputs; an epoch of batches larger than the data is
# one step; patience judges by the objective at the end of its schedules.
NUMBERS = 2

# How scores are computed from trained weights: raise it to score finished runs again, without training.
# 2: the default number of samples follows the multiplications of a decoder; each axis of a code has its own scale;
# what follows from the aggregate posterior is a lower bound beside an upper one.
# 3: what assumes a diagonal Gaussian q(z|x) or a standard normal p(z) is null where the codes do not say so;
# divergences from that prior are measured.
# 4: L_K of large decoders is of as many test examples as a budget of multiplications allows; log p(x|z) of scores is
# rounded otherwise in its last digits.
SCORES = 4


def version_of(config: Mapping[str, Any]) -> tuple[int, int]:
    """(NUMBERS, SCORES) of a record's configuration."""
    return int(config.get("numbers", 1)), int(config.get("scores", 1))
