"""A gated PixelCNN p(x|z) of binary images (1, H, W) of one channel, conditioned on the planes that a decoder gives."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from models.pixelwise import PixelLikelihood
from models.types import Count

Kernel = Literal[3, 5, 7]


class PixelCNN(PixelLikelihood):
    """l = o + c(x, o), c a gated PixelCNN *(van den Oord et al., 2016)*: in each layer a vertical stack sees rows
    above, a horizontal one pixels to the left and the vertical one, so that there is no blind spot.

    The decoder gives `planes` planes, the first of which are its own logits o; all layers are told of them, of o as
    probabilities. With each layer a pixel sees kernel // 2 more rows and columns. A draw takes a pass for each row and
    one along the row for each pixel.
    """

    layers: Any  # a ModuleList of Layer

    def __init__(
        self, shape: tuple[int, ...], *, layers: Count = 5, features: Count = 32, kernel: Kernel = 3, planes: Count = 1
    ) -> None:
        super().__init__(shape)
        if len(shape) != 3 or shape[0] != 1:
            what = f"likelihood=pixelcnn needs images of one channel (1, H, W), this data set has shape {shape}"
            raise ValueError(f"{what}; use likelihood=autoregressive for binary values of other shapes")
        self.outputs = planes
        self.layers = nn.ModuleList(
            Layer(features, planes, kernel, first=i == 0, last=i == layers - 1) for i in range(layers)
        )
        self.last = nn.Sequential(nn.Conv2d(features, features, 1), nn.ReLU(), nn.Conv2d(features, 1, 1))
        self.extra = 4 * features * torch.Size(shape).numel()  # both stacks of a layer before their gates

    def logits(self, output: Tensor, x: Tensor) -> Tensor:
        """l (..., n) of outputs (..., planes, 1, H, W) and x (..., 1, H, W) that broadcast."""
        batch = torch.broadcast_shapes(output.shape[:-4], x.shape[:-3])
        planes = output.expand(*batch, *output.shape[-4:]).reshape(-1, self.outputs, *self.shape[1:])
        x = x.expand(*batch, *self.shape).reshape(-1, *self.shape)
        found = planes[:, :1] + self._said(x, self._above(x, told_of(planes)))
        return found.reshape(*batch, -1)

    def sampled(self, output: Tensor, uniform: Tensor) -> Tensor:
        """A picture (..., n): the vertical stack once for each row, the horizontal one along the row for each pixel."""
        height, width = self.shape[1:]
        planes = output.reshape(-1, self.outputs, height, width)
        told, uniform_of = told_of(planes), uniform.reshape(-1, 1, height, width)
        x = torch.zeros_like(uniform_of)
        for i in range(height):
            above = [one[:, :, i:] for one in self._above(x[:, :, : i + 1], told[:, :, : i + 1])]
            for j in range(width):
                said = self._said(x[:, :, i : i + 1, : j + 1], [one[..., : j + 1] for one in above])
                p = (planes[:, :1, i, j] + said[..., 0, j]).sigmoid()
                x[:, :, i, j] = (uniform_of[:, :, i, j] < p).to(x.dtype)
        return x.reshape(uniform.shape)

    def _above(self, x: Tensor, told: Tensor) -> list[Tensor]:
        """What each layer gives a pixel of the rows above it, (N, 2 features, H, W)."""
        found = []
        for layer in self.layers:
            x, above = layer.rows(x, told)
            found.append(above)
        return found

    def _said(self, x: Tensor, above: list[Tensor]) -> Tensor:
        """c (N, 1, H, W), from pixels to the left and what is above."""
        for layer, one in zip(self.layers, above, strict=True):
            x = layer.columns(x, one)
        return self.last(relu(x))


class Layer(nn.Module):
    """One layer of both stacks, which are told of planes; the first sees x, behind the last is no vertical stack."""

    def __init__(self, features: int, planes: int, kernel: int, *, first: bool, last: bool) -> None:
        super().__init__()
        inputs, half, gates = 1 if first else features, kernel // 2, 2 * features
        self.margin, self.first = half, first
        self.down = nn.Conv2d(inputs, gates, (half + 1, kernel))
        self.told_down = None if last else nn.Conv2d(planes, gates, 1, bias=False)
        self.across = nn.Conv2d(gates, gates, 1)
        self.told_across = nn.Conv2d(planes, gates, 1, bias=False)
        self.along = nn.Conv2d(inputs, gates, (1, half if first else half + 1))
        self.out = nn.Conv2d(features, features, 1)

    def rows(self, v: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """The vertical stack, which sees its own row too, and what the horizontal one has of the row above."""
        sums = self.down(pad(v, (self.margin, self.margin, self.margin, 0)))
        above = self.across(pad(sums, (0, 0, 1, 0))[:, :, :-1]) + self.told_across(told)
        return sums if self.told_down is None else gated(sums + self.told_down(told)), above

    def columns(self, h: Tensor, above: Tensor) -> Tensor:
        """The horizontal stack; of x itself it sees pixels to the left alone."""
        left = self.along(pad(h, (self.margin, 0)))
        found = self.out(gated((left[..., :-1] if self.first else left) + above))
        return found if self.first else h + found


def gated(sums: Tensor) -> Tensor:
    """tanh(a) sigmoid(b) of a and b (N, 2 features, H, W)."""
    a, b = sums.chunk(2, 1)
    return a.tanh() * b.sigmoid()


def told_of(planes: Tensor) -> Tensor:
    """What layers are told of (N, planes, H, W): the first plane as probabilities."""
    return torch.cat([planes[:, :1].sigmoid(), planes[:, 1:]], 1)
