"""An image to be explained by structures."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from emsearch.search.noise import noise_weight

__all__ = ["Target", "Transfer"]

Transfer = Callable[[int, float], Tensor]
"""What the microscope leaves of a projection, (box, box // 2 + 1), given the box in px and the pixel size in A."""

_FREE = 0.6  # of half the box: a ring that begins nearer to the middle may lie on the particle
_RING = (0.72, 0.97)  # of the aperture: beyond a particle that fills two thirds of the box


@dataclass(frozen=True, slots=True)
class Target:
    """An image in the frame in which it is compared.

    ``image`` float32 (box, box) is normalised, at ``pixel_size_angstrom``, and compared within ``aperture_px``; ``weight``
    (box, box // 2 + 1) is that of each frequency, the inverse of the noise's power, and ``transfer``, of the same shape,
    what is left in the image of a projection's. ``centres_px`` (c, 2) is where the particle's centre may stand, (x, y)
    from the middle. ``independent`` is the share of its pixels that are independent witnesses: less than one where a
    coarser image was enlarged.
    """

    image: Tensor
    aperture_px: float
    pixel_size_angstrom: float
    weight: Tensor
    transfer: Tensor
    centres_px: Tensor
    independent: float = 1.0

    @classmethod
    def measured(
        cls,
        image: Tensor,
        aperture_px: float,
        pixel_size_angstrom: float,
        *,
        centres_px: Tensor | None = None,
        independent: float = 1.0,
    ) -> "Target":
        """Return a target whose weights are those of the noise around the particle.

        They are even where a tight picture shows no free ring; the particle is expected in the middle where no centres
        are given.
        """
        centres_px = torch.zeros(1, 2) if centres_px is None else centres_px
        box = image.shape[-1]
        weight = torch.ones(box, box // 2 + 1)
        target = cls(
            image, aperture_px, pixel_size_angstrom, weight, torch.ones_like(weight), centres_px, independent
        )
        if target.ring_px[0] >= _FREE * box / 2:
            weight.copy_(noise_weight(image, *target.ring_px))
        return target

    def at(self, pixel_size_angstrom: float, transfer: Transfer | None) -> "Target":
        """Return the same image at a pixel size, projections left as they are where there is no transfer."""
        left = self.transfer if transfer is None else transfer(self.box_px, pixel_size_angstrom)
        return replace(self, pixel_size_angstrom=pixel_size_angstrom, transfer=left)

    @property
    def box_px(self) -> int:
        """Side of the image."""
        return self.image.shape[-1]

    @property
    def ring_px(self) -> tuple[float, float]:
        """Between these radii the image is taken to show noise alone."""
        return _RING[0] * self.aperture_px, _RING[1] * self.aperture_px
