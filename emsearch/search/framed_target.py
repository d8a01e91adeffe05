"""An image under an assumed pixel size, framed so that all candidates are compared with it alike."""

import math

import torch
from torch import Tensor

from emsearch.search.engine import SearchIndex
from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.target import Target

__all__ = ["framed_target"]

_REACHED_PX = 3.5  # shifts are tried that far, and a little further, about the middle


def framed_target(index: SearchIndex, image: Tensor, pixel_size_angstrom: float) -> tuple[Target, float]:
    """Return a bright-particle image (h, w) as a target, and how many of its pixels make one of the image.

    The sampling is that of the class whose box comes nearest to what the picture shows.
    """
    side = min(image.shape) * pixel_size_angstrom
    nearest = min(index.classes, key=lambda c: abs(math.log(c.box_px * c.pixel_size_angstrom / side)))
    scale = pixel_size_angstrom / nearest.pixel_size_angstrom
    framed = frame(image[None], scale, nearest.box_px, torch.zeros(1, 2))
    target = Target.measured(
        framed.images[0],
        float(framed.aperture_px[0]),
        nearest.pixel_size_angstrom,
        centres_px=_centres(centre_of_particle_px(image[None]) * scale),
        independent=min(1.0, scale**-2),
    )
    return target, scale


def _centres(estimated_px: Tensor) -> Tensor:
    """Return the middle and, unless shifts about the middle reach it anyhow, the estimated centre (1, 2)."""
    middle = torch.zeros(1, 2)
    far = float(torch.linalg.vector_norm(estimated_px)) > _REACHED_PX
    return torch.cat([middle, estimated_px]) if far else middle
