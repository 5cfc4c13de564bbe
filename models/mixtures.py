"""The aggregate posterior of N examples as a mixture: its log-densities at draws, float64 nats, in bounded memory.

Pairs of a draw and a component are computed block by block and summed as they come, so that N x N of them are never
held. What a pair costs depends on the family of q(z|x), which is asked here alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.utils.flop_counter import FlopCounterMode

from models.distributions import FullGaussian, is_diagonal_normal

ROWS, PAIRS = 256, 2**17  # draws at a time, and pairs: a block of 1 MB stays near the processor
EXP = 32  # multiplications that one exponential takes as long as
NEGLIGIBLE = -100.0  # log of a share of the largest term: smaller ones are beyond the last digit, and slow as denormals
SAFE_SPAN = 1e4  # (z / s)^2 beyond 1e8 would lose more than 1e-8 nats to cancellation in the expanded square
LOG_2PI = math.log(2 * math.pi)

Pairs = Callable[[slice, slice], Tensor]  # of draws and of components -> (draws, components) nats


class Components:
    """Posteriors q(z|x_n) of N examples, in blocks, whose densities can be evaluated anywhere."""

    def __init__(self, posteriors: Sequence[Distribution]) -> None:
        self.posteriors = list(posteriors)
        self.sizes = [posterior.batch_shape[0] for posterior in posteriors]

    def __len__(self) -> int:
        return sum(self.sizes)

    @torch.no_grad()
    def cost(self, z: Tensor) -> int:
        """Multiplications of one pair, counted as it is computed for a draw (1, D)."""
        with FlopCounterMode(display=False) as counter:
            self.at(z)(slice(0, 1), self.columns()[0])
        return counter.get_total_flops() // (2 * self.sizes[0]) + EXP * z.shape[-1]

    def columns(self) -> list[slice]:
        """The components in blocks."""
        ends = torch.tensor(self.sizes).cumsum(0).tolist()
        return [slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True)]

    def own(self, z: Tensor) -> Tensor:
        """log q(z_n|x_n), (S, n), of draws z (S, n, D) from the first n of them, in whole blocks."""
        parts = zip(self.posteriors, z.split(self.sizes[0], 1), strict=False)  # all blocks but the last are alike
        return torch.cat([posterior.log_prob(part).double() for posterior, part in parts], 1)

    def at(self, z: Tensor) -> Pairs:
        """log q(z_m|x_n) of any draws z (M, D)."""
        known = {columns.start: one for columns, one in zip(self.columns(), self.posteriors, strict=True)}

        def pairs(rows: slice, columns: slice) -> Tensor:
            posterior, some = known[columns.start], z[rows, None]
            # as K draws for each of B examples, which is what every posterior takes
            return posterior.log_prob(some.expand(-1, posterior.batch_shape[0], -1)).to(torch.float64, copy=True)

        return pairs

    def axes(self) -> list[Components] | None:
        """The marginal posteriors of each axis, where axes are independent given x; else None."""
        return None


class DiagonalComponents(Components):
    """N(mean_n, diag stddev_n^2), mean and stddev (N, D) float64: pairs by one matrix product."""

    def __init__(self, mean: Tensor, stddev: Tensor) -> None:
        self.mean, self.stddev = mean, stddev

    def __len__(self) -> int:
        return len(self.mean)

    def cost(self, z: Tensor) -> int:
        """Multiplications of one pair."""
        return 2 * self.mean.shape[1] + EXP

    def columns(self) -> list[slice]:
        """Slices of components that make a block."""
        return _slices(len(self), PAIRS // ROWS)

    def own(self, z: Tensor) -> Tensor:
        """log q(z_n|x_n), (S, n), of draws z (S, n, D) from the first n of them."""
        mean, stddev = self.mean[: z.shape[1]], self.stddev[: z.shape[1]]
        return (
            -0.5 * ((z.double() - mean) / stddev).square().sum(-1) - stddev.log().sum(-1) - 0.5 * z.shape[-1] * LOG_2PI
        )

    def at(self, z: Tensor) -> Pairs:
        """-1/2 (z^2 . 1/s^2 - 2 z . m/s^2 + m^2 . 1/s^2) + const, centred and scaled; as it stands for axes of which
        the expanded square would lose digits."""
        z = z.double()
        centre, scale = self.mean.mean(0), self.stddev.amin(0)
        moved, mean, s = (z - centre) / scale, (self.mean - centre) / scale, self.stddev / scale
        expand = torch.maximum(moved.abs().amax(0), mean.abs().amax(0)) < SAFE_SPAN
        left = torch.hstack([moved[:, expand] ** 2, moved[:, expand]])
        right = torch.hstack([-0.5 / s[:, expand] ** 2, mean[:, expand] / s[:, expand] ** 2])
        offset = -0.5 * (mean[:, expand] / s[:, expand]).square().sum(1)
        constant = offset - self.stddev.log().sum(1) - 0.5 * z.shape[1] * LOG_2PI
        others = (~expand).nonzero().flatten().tolist()

        def pairs(rows: slice, columns: slice) -> Tensor:
            block = torch.addmm(constant[columns], left[rows], right[columns].T)
            for axis in others:
                apart = z[rows, axis, None] - self.mean[columns, axis]
                block.addcmul_(apart, apart / self.stddev[columns, axis] ** 2, value=-0.5)
            return block

        return pairs

    def axes(self) -> list[Components]:
        """Of one dimension each."""
        every = zip(self.mean.split(1, 1), self.stddev.split(1, 1), strict=True)
        return [DiagonalComponents(mean, stddev) for mean, stddev in every]


class FullComponents(Components):
    """N(loc_n, L_n L_n^T), loc (N, D) and L (N, D, D) float64: pairs by products with the inverses of L."""

    def __init__(self, loc: Tensor, scale_tril: Tensor) -> None:
        self.centre = loc.mean(0)
        unit = torch.eye(loc.shape[1], dtype=loc.dtype, device=loc.device)
        self.whitening = torch.linalg.solve_triangular(scale_tril, unit, upper=False)  # (N, D, D)
        self.middle = (self.whitening @ (loc - self.centre)[..., None])[..., 0]  # (N, D)
        self.constant = -scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) - 0.5 * loc.shape[1] * LOG_2PI

    def __len__(self) -> int:
        return len(self.middle)

    def cost(self, z: Tensor) -> int:
        """Multiplications of one pair."""
        return self.middle.shape[1] * (self.middle.shape[1] + 1) + EXP

    def columns(self) -> list[slice]:
        """Slices of components that make a block."""
        return _slices(len(self), max(1, PAIRS // (ROWS * self.middle.shape[1])))

    def own(self, z: Tensor) -> Tensor:
        """log q(z_n|x_n), (S, n), of draws z (S, n, D) from the first n of them."""
        n = z.shape[1]
        white = (self.whitening[:n] @ (z.double() - self.centre)[..., None])[..., 0] - self.middle[:n]
        return self.constant[:n] - 0.5 * white.square().sum(-1)

    def at(self, z: Tensor) -> Pairs:
        """-1/2 |L^-1 (z - m)|^2 + const."""
        moved = (z.double() - self.centre).T

        def pairs(rows: slice, columns: slice) -> Tensor:
            middle = self.middle[columns]
            white = self.whitening[columns].flatten(0, 1) @ moved[:, rows] - middle.reshape(-1, 1)
            squares = white.square_().unflatten(0, middle.shape).sum(1)
            return self.constant[columns] - 0.5 * squares.T

        return pairs


def components(posteriors: Sequence[Distribution]) -> Components:
    """Posteriors (batch (B,) each, event (D,)) as the components of one mixture."""
    if all(map(is_diagonal_normal, posteriors)):
        mean, stddev = (_stacked([getattr(one, name) for one in posteriors]) for name in ("mean", "stddev"))
        return DiagonalComponents(mean, stddev)
    full = [one for one in posteriors if isinstance(one, FullGaussian)]
    if len(full) == len(posteriors):
        return FullComponents(_stacked([one.loc for one in full]), _stacked([one.scale_tril for one in full]))
    return Components(posteriors)


@torch.no_grad()
def log_mixture(parts: Components, z: Tensor) -> Tensor:
    """log 1/N sum_n q(z_m|x_n) of z (M, D), (M,)."""
    return _log_sums(parts, z) - math.log(len(parts))


@torch.no_grad()
def log_others(parts: Components, z: Tensor) -> Tensor:
    """log 1/(N - 1) sum_{n != m} q(z_m|x_n), (S, n), of draws z (S, n, D) from the first n of N >= 2 posteriors: the
    density that does not know a draw's own component."""
    own = torch.arange(z.shape[1], device=z.device).expand(z.shape[:2])
    return _log_sums(parts, z.flatten(0, 1), own.flatten()).reshape(own.shape) - math.log(len(parts) - 1)


def with_own(others: Tensor, own: Tensor, num_examples: int) -> Tensor:
    """log of (N - 1)/N q_others + 1/N q_own: the mixture of all, or unbiased for it where `others` are a few of them
    *(Chen et al., 2018: stratified)*."""
    return torch.logaddexp(others + math.log(num_examples - 1), own) - math.log(num_examples)


def _log_sums(parts: Components, z: Tensor, own: Tensor | None = None) -> Tensor:
    """log sum_n q(z_m|x_n), (M,), without component own_m of each."""
    pairs, found = parts.at(z), []
    for rows in _slices(len(z), ROWS):
        top = torch.full((rows.stop - rows.start,), -torch.inf, dtype=torch.float64, device=z.device)
        total = torch.zeros_like(top)
        for columns in parts.columns():
            block = pairs(rows, columns)
            if own is not None:
                _leave_out(block, own[rows], columns)
            above = torch.maximum(top, block.amax(1))
            finite = above.nan_to_num(neginf=0.0)  # nothing but left-out components so far
            shares = block.sub_(finite[:, None]).clamp_min_(NEGLIGIBLE).exp_()
            total = total * (top - finite).exp_() + shares.sum(1)
            top = above
        found.append(top + total.log())
    return torch.cat(found)


def _leave_out(block: Tensor, own: Tensor, columns: slice) -> None:
    inside = ((own >= columns.start) & (own < columns.stop)).nonzero().flatten()
    block[inside, own[inside] - columns.start] = -torch.inf


def _slices(total: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts)).double()
