"""Likelihoods whose pixels see those before them in raster order: p(x|z) = prod_i p(x_i | x_<i, z) of binary x."""

from __future__ import annotations

from typing import ClassVar, NoReturn

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn.functional import relu, softplus

from models.likelihoods import Likelihood, Measure, Values
from models.masked import MaskedLinear
from models.noise import Noise, Stream
from models.types import Width

PREDICTED = 0  # seed of the stream of pictures that stand for p(x|z)
SOFT = 0.1  # of the usual initial weights: what is said of a pixel starts near what the decoder says


class PixelLikelihood(Likelihood):
    """p(x|z) = prod_i Bernoulli(x_i; sigmoid(l_i(x_<i, output))) of binary values.

    Its mean is a sum over all pictures, so that a picture that stands for it is drawn, pixel by pixel.
    """

    measures: ClassVar[dict[Values, Measure]] = {"binary": "counting"}
    draws: ClassVar[bool] = True

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.event_dims = len(shape)

    def forward(self, output: Tensor) -> Distribution:
        """p(x|z) of (..., outputs, *shape)."""
        return Pixelwise(self, output)

    def logits(self, output: Tensor, x: Tensor) -> Tensor:
        """l (..., n) of outputs (..., outputs, *shape) and x (..., *shape) that broadcast."""
        raise NotImplementedError

    def sampled(self, output: Tensor, uniform: Tensor) -> Tensor:
        """A picture (..., n) of outputs (..., outputs, *shape): x_i = 1 where uniform_i (..., n) is below its
        probability."""
        raise NotImplementedError

    def predict(self, distribution: Distribution, noise: Noise | None = None) -> Tensor:
        """One draw (..., *shape), by `noise` or else from a stream that is always the same."""
        assert isinstance(distribution, Pixelwise)
        device = distribution.output.device
        return distribution.draw(1, Stream.seeded(PREDICTED, device) if noise is None else noise)[0]

    def bias(self, mean: Tensor) -> Tensor:
        """The logit of the mean, clipped to 0.001..0.999, as if no pixel saw another; further outputs are zero."""
        zeros = mean.new_zeros((self.outputs - 1, mean.numel()))
        return torch.cat([torch.logit(mean, eps=1e-3)[None], zeros])


class Pixelwise(Distribution):
    """p(x|z) of a decoder's outputs (..., outputs, *shape), batch (...), event (*shape)."""

    def __init__(self, pixels: PixelLikelihood, output: Tensor) -> None:
        self.pixels, self.output = pixels, output
        dims = pixels.event_dims
        super().__init__(output.shape[: -1 - dims], output.shape[-dims:], validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """sum_i x_i l_i - log(1 + exp(l_i)), nats."""
        logits = self.pixels.logits(self.output, value)
        return (logits * value.flatten(-self.pixels.event_dims)).sum(-1) - softplus(logits).sum(-1)

    @torch.no_grad()
    def draw(self, num_samples: int, noise: Noise) -> Tensor:
        """K pictures, each pixel drawn given those before it, (K, ..., *shape)."""
        uniform = noise.uniform((num_samples, *self.batch_shape, self.event_shape.numel()), self.output)
        drawn = self.pixels.sampled(self.output.expand(num_samples, *self.output.shape), uniform)
        return drawn.unflatten(-1, self.event_shape)

    @property
    def mean(self) -> NoReturn:
        """Refused: it is a sum over all pictures."""
        raise NotImplementedError("the mean of an autoregressive p(x|z) is not known; draw from it")


class Autoregressive(PixelLikelihood):
    """l = o + A x + V relu(M x + U sigmoid(o)) + c, whose A, V and M are masked so that l_i sees x_<i alone: a masked
    perceptron *(Germain et al., 2015: MADE, with direct connections)* beside the decoder's logits o (n,).

    `reach` is how many pixels before it a pixel sees: null, all of them; 0, none, and p(x|z) is `Bernoulli`. `hidden`
    is how many units there are, 0 for none; `direct` is whether there is A *(Frey et al., 1996)*. What pixels give, A x
    and M x, is computed once for an example, however many codes it has. A draw costs O(n (n + hidden)), as a density.
    """

    def __init__(
        self, shape: tuple[int, ...], *, hidden: Width = 200, reach: Width | None = None, direct: bool = True
    ) -> None:
        super().__init__(shape)
        n = torch.Size(shape).numel()
        reach = n if reach is None else reach
        direct, hidden = direct and reach > 0, hidden if reach else 0
        self.direct = MaskedLinear(before(n, reach), gain=SOFT) if direct else None
        self.units = Units(n, hidden, reach) if hidden else None
        self.extra = n * direct + 2 * hidden

    def logits(self, output: Tensor, x: Tensor) -> Tensor:
        """l (..., n) of outputs (..., 1, *shape) and x (..., *shape) that broadcast."""
        o, pixels = self._flat(output), x.flatten(-self.event_dims)
        found = o if self.direct is None else o + self.direct(pixels)
        return found if self.units is None else found + self.units(o, pixels)

    def sampled(self, output: Tensor, uniform: Tensor) -> Tensor:
        """A picture (..., n): each pixel that is drawn adds its column of A and M to what later ones see."""
        o = self._flat(output)
        logits = o.clone() if self.direct is None else o + self.direct.bias
        units = None if self.units is None else Incremental(self.units, o)
        columns = None if self.direct is None else self.direct.masked.T.contiguous()
        x = torch.empty_like(uniform)
        for i in range(uniform.shape[-1]):
            logit = logits[..., i] if units is None else logits[..., i] + units.said(i)
            x[..., i] = drawn = (uniform[..., i] < logit.sigmoid()).to(x.dtype)
            if columns is not None:
                logits = torch.addcmul(logits, drawn[..., None], columns[i])
            if units is not None:
                units.see(i, drawn)
        return x

    def _flat(self, output: Tensor) -> Tensor:
        return output.squeeze(-1 - self.event_dims).flatten(-self.event_dims)


class Units(nn.Module):
    """V relu(M x + U sigmoid(o)): hidden units that each see some pixels before those that they speak of."""

    def __init__(self, n: int, hidden: int, reach: int) -> None:
        super().__init__()
        first, second = through(n, hidden, reach)
        self.seen = MaskedLinear(first)
        self.told = nn.Linear(n, hidden, bias=False)
        self.said = MaskedLinear(second, gain=SOFT)

    def forward(self, o: Tensor, pixels: Tensor) -> Tensor:
        """(..., n) of the decoder's logits and the pixels, both (..., n)."""
        return self.said(relu(self.seen(pixels) + self.told(o.sigmoid())))


class Incremental:
    """The same for pixels that become known one by one."""

    def __init__(self, units: Units, o: Tensor) -> None:
        self.sums = units.told(o.sigmoid()) + units.seen.bias
        self.columns, self.rows, self.bias = units.seen.masked.T.contiguous(), units.said.masked, units.said.bias

    def said(self, i: int) -> Tensor:
        """What is said of pixel i, (...)."""
        return relu(self.sums) @ self.rows[i] + self.bias[i]

    def see(self, i: int, drawn: Tensor) -> None:
        """Pixel i is known, (...)."""
        self.sums = torch.addcmul(self.sums, drawn[..., None], self.columns[i])


def before(n: int, reach: int) -> Tensor:
    """Whether pixel j is one of the `reach` before pixel i: mask (i, j)."""
    distance = torch.arange(n)[:, None] - torch.arange(n)
    return (distance > 0) & (distance <= reach)


def through(n: int, hidden: int, reach: int) -> tuple[Tensor, Tensor]:
    """Masks (hidden, n) and (n, hidden) through units, so that pixel i sees the `reach` before it and no other.

    Unit k sees those before pixel m_k, and speaks of m_k and later ones; m is spread evenly from 1 on. Where not all
    pixels before are in reach, half of it is what a unit sees, half how far it speaks.
    """
    m = 1 + torch.arange(hidden) * (n - 1) // hidden
    wide = min(reach, n)
    sees, speaks = (wide, n) if reach >= n - 1 else ((wide + 1) // 2, wide + 1 - (wide + 1) // 2)
    ahead = m[:, None] - torch.arange(n)  # of unit k from pixel j
    behind = torch.arange(n)[:, None] - m
    return (ahead > 0) & (ahead <= sees), (behind >= 0) & (behind < speaks)
