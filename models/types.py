"""Kinds of numbers that signatures speak of; configurations are checked against them before anything runs."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt

Count = Annotated[int, Ge(1)]  # K, batch sizes, latent dimensions
Steps = Annotated[int, Ge(0)]  # of a warm-up
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Activation = Literal["tanh", "relu", "gelu", "silu", "leaky_relu"]
Likelihood = Literal["bernoulli", "gaussian"]
Variance = Positive | Literal["learned"]
