"""An image as what structures are matched with: the whole picture in one box, whatever its pixels are taken to measure."""

from collections.abc import Sequence

import torch
from torch import Tensor

from emsearch.search.prepare import centre_of_particle_px, frame
from emsearch.search.target import Target, Transfer

__all__ = ["framed_targets"]

_REACHED_PX = 3.5  # shifts are tried that far, and a little further, about the middle


def framed_targets(
    image: Tensor, pixel_sizes_angstrom: Sequence[float], box_px: int, transfer: Transfer | None = None
) -> tuple[list[Target], float]:
    """Return a bright-particle image (h, w) as a target for each pixel size it may have, and its scale.

    ``scale`` is how many pixels of the targets make one of the image. The targets differ in their pixel size alone, and
    what a ``transfer`` makes of it, so that what is matched at one compares with what is matched at another.
    """
    scale = box_px / min(image.shape)
    framed = frame(image[None], scale, box_px, torch.zeros(1, 2))
    target = Target.measured(
        framed.images[0],
        float(framed.aperture_px[0]),
        1.0,
        centres_px=_centres(centre_of_particle_px(image[None]) * scale),
        independent=min(1.0, scale**-2),
    )
    return [target.at(pixel / scale, transfer) for pixel in pixel_sizes_angstrom], scale


def _centres(estimated_px: Tensor) -> Tensor:
    """Return the middle and, unless shifts about the middle reach it anyhow, the estimated centre (1, 2)."""
    middle = torch.zeros(1, 2)
    far = float(torch.linalg.vector_norm(estimated_px)) > _REACHED_PX
    return torch.cat([middle, estimated_px]) if far else middle
