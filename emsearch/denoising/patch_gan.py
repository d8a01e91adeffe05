"""The opponent of the pix2pix variant: does a patch of a picture look like a clean projection of that image?

Isola et al., CVPR 2017: the picture is judged in overlapping patches, here of 34 px, together with the noisy image that
it is said to come from.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PatchJudge", "opponent_loss"]

_GROUPS = 8


class PatchJudge(nn.Module):
    """Noisy images and pictures, each (n, 1, box, box), to the log-odds of each patch being real, (n, 1, h, w)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.GroupNorm(_GROUPS, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 2 * width, 4, padding=1),
            nn.GroupNorm(_GROUPS, 2 * width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 1, 4, padding=1),
        )

    def forward(self, images: Tensor, pictures: Tensor) -> Tensor:
        """Return the log-odds."""
        odds: Tensor = self.layers(torch.cat([images, pictures], dim=1))
        return odds


def opponent_loss(real: Tensor, guessed: Tensor) -> Tensor:
    """Return the mean cross-entropy of log-odds of real and of guessed patches."""
    return (functional.softplus(-real).mean() + functional.softplus(guessed).mean()) / 2
