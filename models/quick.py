"""A decoder as it computes fastest where weights stay as they are: the same numbers, summed in another order."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import fold

THIN = 4  # output channels up to which one product and a sum of its parts is quicker than a transposed convolution


def quickened(decoder: nn.Module) -> nn.Module:
    """A copy whose convolutions have channels last, thin ones as products; itself where none is on the processor."""
    convolutions = [module for module in decoder.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    if not any(module.weight.device.type == "cpu" for module in convolutions):
        return decoder
    copied = copy.deepcopy(decoder)
    for weight in copied.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.ConvTranspose2d and child.out_channels <= THIN and child.groups == 1:
                setattr(parent, name, Thin(child))
    return copied


class Thin(nn.Module):
    """A transposed convolution to few channels (n, C, H, W): one product for all shares of pixels, then sums."""

    def __init__(self, convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.weight = convolution.weight.flatten(1).T.contiguous()  # (outputs kernel^2, C)

    def forward(self, x: Tensor) -> Tensor:
        """What the convolution gives, (n, outputs, H', W')."""
        of = self.convolution
        kernel, stride, padding = pair(of.kernel_size), pair(of.stride), pair(of.padding)
        dilation, more = pair(of.dilation), pair(of.output_padding)
        height, width = (
            (x.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernel[i] - 1) + 1 + more[i]
            for i in range(2)
        )
        shares = torch.matmul(self.weight, x.flatten(2)).to(x.dtype)
        found = fold(shares, (height, width), kernel, dilation, padding, stride)
        return found if of.bias is None else found + of.bias[:, None, None]


def pair(sizes: object) -> tuple[int, int]:
    """Both sizes of a kernel, stride or padding."""
    assert isinstance(sizes, tuple)
    return sizes[0], sizes[1]
