"""The sign of the contrast: whether the particle is brighter or darker than what surrounds it.

What a particle adds to a projection has one sign wherever it stands, so that the middle of a picture differs from its rim.
That is visible long before a shape is: where the network is right about one stained image in two (SNR 0.3), the middle is
in 99 of 100. The network is asked where middle and rim are alike, as with a particle far from the middle.
"""

import torch
from torch import Tensor

from emsearch.search.engine import SearchIndex
from emsearch.search.proposal import propose_together
from emsearch_index.errors import UsageError

__all__ = ["CONTRASTS", "decide_contrast", "middle_over_rim"]

CONTRASTS = ("auto", "bright", "dark")

_IMAGES_LOOKED_AT = 256
_IMAGES_ASKED = 16
_MIDDLE, _RIM = 0.3, 0.8  # radii, of half the shorter side
_ALIKE = 0.1  # standard deviations of the rim's pixels


def middle_over_rim(images: Tensor) -> float:
    """Return by how much the middle of images (n, h, w) is brighter than their rim, in standard deviations of the rim.

    The mean over the images; negative where the middle is darker.
    """
    height, width = images.shape[1:]
    y, x = torch.meshgrid(torch.arange(height) - height // 2, torch.arange(width) - width // 2, indexing="ij")
    radius = torch.hypot(x.float(), y.float()) / (min(height, width) / 2)
    middle, rim = images[:, radius < _MIDDLE], images[:, (radius > _RIM) & (radius < 1)]
    spread = rim.std(1).clamp_min(1e-6 * images.abs().amax((1, 2)).clamp_min(1e-20))
    return float(((middle.mean(1) - rim.mean(1)) / spread).mean())


def decide_contrast(
    index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None, contrast: str
) -> str:
    """Return "bright" or "dark" for images (n, h, w) of one stack, as told or for "auto" as they show it."""
    if contrast not in CONTRASTS:
        raise UsageError(f"found contrast {contrast!r}, expected one of {', '.join(CONTRASTS)}; choose one")
    if contrast != "auto":
        return contrast
    lead = middle_over_rim(images[:_IMAGES_LOOKED_AT])
    if abs(lead) < _ALIKE:
        asked = images[:_IMAGES_ASKED]
        lead = _certainty(index, asked, pixel_size_angstrom) - _certainty(index, -asked, pixel_size_angstrom)
    return "bright" if lead >= 0 else "dark"


def _certainty(index: SearchIndex, images: Tensor, pixel_size_angstrom: float | None) -> float:
    """Return the network's largest share of a group, the mean over images."""
    return float(propose_together(index, images, pixel_size_angstrom).share.max(axis=1).mean())
