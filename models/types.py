"""Kinds of numbers that signatures speak of; configurations are checked against them before anything runs."""

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MinLen, MultipleOf

MOST = 2**31 - 1  # what every library can count
Count = Annotated[int, Ge(1), Le(MOST)]  # K, batch sizes, latent dimensions
Even = Annotated[int, Ge(2), Le(MOST), MultipleOf(2)]
Kernels = Annotated[tuple[Even, ...], MinLen(1)]  # of stride 2, which halve a size with equal margins if even
Width = Annotated[int, Ge(0), Le(MOST)]  # of a layer that may be left out
Steps = Annotated[int, Ge(0), Le(MOST)]  # of a warm-up
Fraction = Annotated[float, Ge(0), Le(1)]
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Activation = Literal["tanh", "relu", "gelu", "silu", "leaky_relu"]
Scale = Literal["log_stddev", "log_variance", "softplus", "shared"]  # what describes the spread of a posterior
OutputBias = Literal["mean", "zero"]  # whether the output starts at the training mean
Optimizer = Literal["Adam", "AdamW", "SGD", "Adagrad", "RMSprop"]  # of torch.optim
OptimizerOptions = dict[str, float | bool | tuple[float, ...] | None]
Variance = Positive | Literal["learned", "per_pixel"]
Stack = Count | Literal["auto"]  # runs that train as one program
