"""Convolutions as plain matrix products, where a processor's own kernels waste most of their time.

On maps of a few pixels the weight gradients of oneDNN's convolutions (3.12, AMX bfloat16, two cores) take 10 to 20 times
what a product of the same count takes, and a ResNet50 at 64 px spends half of its time there (docs/decisions/0008). On a
GPU nothing changes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Convolution"]

_FEW_PX = 2
"""Maps up to this side are convolved by one product over gathered neighbourhoods."""


class Convolution(nn.Conv2d):
    """A convolution without bias, 1 x 1 or padded to keep its size, with the weights (out, in, k, k) of ``nn.Conv2d``."""

    def __init__(self, channels: int, out: int, side: int, stride: int = 1) -> None:
        super().__init__(channels, out, side, stride, padding=side // 2, bias=False)

    def reset_parameters(self) -> None:
        """Leave the weights as they are: the network draws them or reads them."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return (n, out, height / stride, width / stride) of maps (n, in, height, width)."""
        side, stride = self.kernel_size[0], self.stride[0]
        if maps.device.type != "cpu":
            return super().forward(maps)
        if side == 1:
            return _product(maps.permute(0, 2, 3, 1)[:, ::stride, ::stride], self.weight)
        if max(maps.shape[2:]) <= _FEW_PX * stride and self.dilation[0] == 1:
            return _product(_neighbourhoods(maps, side, stride), self.weight)
        return super().forward(maps)


def _product(pixels: Tensor, weight: Tensor) -> Tensor:
    """Multiply pixels (n, height, width, k k in), neighbour by neighbour, with a kernel; return (n, out, height, width)."""
    n, height, width, depth = pixels.shape
    matrix = weight.permute(0, 2, 3, 1).reshape(len(weight), depth)
    product = functional.linear(pixels.reshape(-1, depth), matrix)
    return product.view(n, height, width, -1).permute(0, 3, 1, 2)


def _neighbourhoods(maps: Tensor, side: int, stride: int) -> Tensor:
    """Gather the side x side neighbours of every stride-th pixel of maps (n, c, h, w): (n, h', w', side side c)."""
    rim = side // 2
    padded = functional.pad(maps.permute(0, 2, 3, 1), (0, 0, rim, rim, rim, rim))
    height, width = (-(-length // stride) for length in maps.shape[2:])
    shifted = [
        padded[:, i : i + stride * (height - 1) + 1 : stride, j : j + stride * (width - 1) + 1 : stride]
        for i in range(side)
        for j in range(side)
    ]
    return torch.cat(shifted, dim=3)
