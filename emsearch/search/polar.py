"""Images on polar grids, and the Fourier coefficients along their circles.

Turning an image about its middle only shifts the phases of these coefficients, so that one short inverse transform gives
the correlation at every in-plane angle (J. Frank, "Three-Dimensional Electron Microscopy of Macromolecular
Assemblies", 2006, chapter 3).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = ["PolarGrid", "polar_coefficients"]


@dataclass(frozen=True, slots=True)
class PolarGrid:
    """Circles of radius 1/2, 3/2, ... px out to ``rings`` px, with ``angles`` samples each.

    Sample j of a circle stands at the angle 2 pi j / angles, from +x towards +y (rows count down the image).
    """

    rings: int
    angles: int = 64

    def points(self) -> NDArray[np.float32]:
        """Return (rings * angles, 2), (x, y) from the middle."""
        radius = np.arange(self.rings) + 0.5
        angle = 2 * math.pi * np.arange(self.angles) / self.angles
        x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
        return np.stack([x, y], -1).reshape(-1, 2).astype(np.float32)

    def area(self) -> Tensor:
        """Return the share of the disc (rings,) that each sample of a circle stands for."""
        radius = torch.arange(self.rings) + 0.5
        return radius / (radius.sum() * self.angles)


def _sample(images: Tensor, centre: Tensor, points: Tensor) -> Tensor:
    """Interpolate images (n, box, box) bilinearly at points (k, 2) about centres (n or 1, 2): (n, k), zero outside."""
    box = images.shape[-1]
    place = (points[None] + centre[:, None]) * (2 / box) + (1 / box - 1)  # pixel centres to [-1, 1]
    place = place.expand(len(images), -1, -1)
    sampled = functional.grid_sample(
        images[:, None], place[:, None], mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return sampled[:, 0, 0]


def polar_coefficients(images: Tensor, grid: PolarGrid, shift_px: Tensor | None = None) -> Tensor:
    """Return unit-norm Fourier coefficients along circles, complex64 (n, rings, angles // 2 + 1).

    The mean over the disc is taken away and the norm over it set to one (each sample weighs its area), so that the inner
    product of two is their normalised correlation. ``shift_px`` (n, 2) moves the middle of each image, (x, y).
    """
    centre = torch.full((1, 2), float(images.shape[-1] // 2))
    if shift_px is not None:
        centre = centre + shift_px
    samples = _sample(images, centre, torch.from_numpy(grid.points()))
    values = samples.view(len(images), grid.rings, grid.angles)
    area = grid.area()[:, None]
    values = values - (values * area).sum((1, 2), keepdim=True)
    norm = (values.square() * area).sum((1, 2), keepdim=True).sqrt().clamp_min(1e-20)
    weighted = values * area.sqrt() / norm
    coefficients: Tensor = torch.fft.rfft(weighted, dim=2, norm="ortho")
    return coefficients
