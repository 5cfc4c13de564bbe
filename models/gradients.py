"""Gradients that are not those of the value: surrogates, posteriors whose parameters get none, weighed paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal


def with_gradient(value: Tensor, surrogate: Tensor) -> Tensor:
    """The value, to the last bit, with the gradient of the surrogate, which must be finite; both of one shape."""
    return value.detach() + (surrogate - surrogate.detach())


def detached(distribution: Distribution) -> Distribution:
    """The same distribution without a gradient to its parameters: log-densities of z have one to z alone.

    A distribution's own method `detached()` comes first. ValueError for one that has none and is no diagonal Gaussian,
    such as one whose density is known along its own draws only.
    """
    if own := getattr(distribution, "detached", None):
        return own()
    if isinstance(distribution, Independent):
        base = detached(distribution.base_dist)
        return Independent(base, distribution.reinterpreted_batch_ndims, validate_args=False)
    if type(distribution) is Normal:
        return Normal(distribution.loc.detach(), distribution.scale.detach(), validate_args=False)
    name = type(distribution).__name__
    what = f"{name} has no method detached(): its density cannot be held fixed while its draws move"
    raise ValueError(f"{what} (with iwae, use objective.gradient=plain)")


def weighed_paths(z: Tensor) -> tuple[Tensor, Tensor]:
    """Draws z (K, ..., D) as they are, and a zero for each, (K, ...), to be added to what each of them contributes.

    On the way back the gradient to z_k is multiplied by the k-th share of the gradient to the zeros. With
    log-weights l = log w + zeros and the bound logsumexp_k l, that share is w_k / sum w: z gets the weight twice,
    all that was decoded from it once. It holds under every order of `torch.func.vmap` and `grad`, where a hook would be
    left out without a word.
    """
    return _WeighedPaths.apply(z)


class _WeighedPaths(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor) -> tuple[Tensor, Tensor]:
        return z.clone(), z.new_zeros(z.shape[:-1])

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        to_z, to_zeros = gradients
        total = to_zeros.sum(0)
        share = to_zeros / torch.where(total == 0, torch.ones_like(total), total)  # no gradient: to_z is 0 as well
        return share[..., None] * to_z
