"""ResNet50 (He et al., CVPR 2016) for images of one channel, in plain torch.

Layer by layer, name by name the network of torchvision (stride in the 3 x 3 convolution, "v1.5"), so that its
weights load here; a test holds the two against each other. Plain torch, because training also runs where
torchvision is not installed.
"""

import torch
from torch import Tensor, nn

from emsearch.network.convolution import Convolution

__all__ = ["FEATURES", "ResNet50"]

FEATURES = 2048
"""Number of pooled features."""

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_EXPANSION = 4


class _Bottleneck(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = width * _EXPANSION
        self.conv1 = Convolution(channels, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = Convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = Convolution(width, out, 1)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(Convolution(channels, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        y = torch.relu_(self.bn1(self.conv1(x)))
        y = torch.relu_(self.bn2(self.conv2(y)))
        return torch.relu_(self.bn3(self.conv3(y)).add_(skip))


class ResNet50(nn.Module):
    """Images (n, 1, height, width) to pooled features (n, 2048); without ``start`` the weights are yet to be read."""

    def __init__(self, *, start: bool = True) -> None:
        super().__init__()
        self.conv1 = Convolution(1, 64, 7, 2)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        channels = 64
        for number, (width, blocks, stride) in enumerate(_STAGES, start=1):
            layers = []
            for block in range(blocks):
                layers.append(_Bottleneck(channels, width, stride if block == 0 else 1))
                channels = width * _EXPANSION
            self.add_module(f"layer{number}", nn.Sequential(*layers))
        if start:
            self._start()

    def _start(self) -> None:
        """Initialise after He; a block's last normalisation starts at zero (Goyal et al., 1706.02677)."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, _Bottleneck):
                nn.init.zeros_(module.bn3.weight)

    def forward(self, images: Tensor) -> Tensor:
        """Return pooled features (n, 2048)."""
        x: Tensor = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        for number in range(1, len(_STAGES) + 1):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3))
