"""The U-Net that guesses the clean projection behind a noisy image.

Ronneberger et al., MICCAI 2015: maps are halved four times and doubled again, and what each scale saw on the way down is
added on the way up. The normalisation is over groups of channels of one image (Wu and He, ECCV 2018), so that an image's
guess depends neither on its batch nor on the noise of others.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["HALVINGS", "DenoisingNetwork"]

HALVINGS = 4
"""How often maps are halved; the side of an image is a multiple of 2 ** HALVINGS."""

_GROUPS = 8


class _Block(nn.Module):
    """A normalised convolution around which the maps pass by: (n, c, h, w) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, channels)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        changed: Tensor = maps + self.convolution(functional.relu(self.norm(maps)))
        return changed


class DenoisingNetwork(nn.Module):
    """Normalised images (n, 1, box, box) to guesses of the normalised clean projection, (n, 1, box, box).

    ``width`` is the number of channels at full size; it doubles with each halving up to ``8 width`` at the last two.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        channels = [width * 2 ** min(k, 3) for k in range(HALVINGS + 1)]
        self.first = nn.Conv2d(1, width, 5, padding=2)
        self.halvings = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(channels))
        self.down = nn.ModuleList(_Block(c) for c in channels[1:])
        self.middle = nn.Sequential(_Block(channels[-1]), _Block(channels[-1]))
        self.doublings = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise(channels))
        self.up = nn.ModuleList(_Block(c) for c in channels[:-1])
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return guesses, float32 where the images are."""
        maps = self.first(images)
        seen = []
        for halve, block in zip(self.halvings, self.down, strict=True):
            seen.append(maps)
            maps = block(halve(maps))
        maps = self.middle(maps)
        for double, block, before in zip(
            reversed(self.doublings), reversed(self.up), reversed(seen), strict=True
        ):
            maps = block(double(maps) + before)
        guess: Tensor = self.last(functional.relu(self.norm(maps)))
        return guess
