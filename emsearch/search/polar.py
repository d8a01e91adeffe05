"""Images on polar grids, and the Fourier coefficients along their circles.

Turning an image about its middle only shifts the phases of these coefficients, so that one short inverse transform gives
the correlation at every in-plane angle (J. Frank, "Three-Dimensional Electron Microscopy of Macromolecular
Assemblies", 2006, chapter 3).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

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


@njit(parallel=True, fastmath=True, cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sample(images, centre, points, out):  # type: ignore[no-untyped-def]
    """Interpolate bilinearly at ``points`` about each image's centre; what lies off the image is zero."""
    count, height, width = images.shape
    for n in prange(count):
        for k in range(len(points)):
            x = centre[n, 0] + points[k, 0]
            y = centre[n, 1] + points[k, 1]
            value = np.float32(0)
            if x >= 0 and y >= 0 and x < width - 1 and y < height - 1:
                column = np.uint64(x)
                row = np.uint64(y)
                fx = x - np.float32(column)
                fy = y - np.float32(row)
                one = np.uint64(1)
                above = images[n, row, column] * (1 - fx) + images[n, row, column + one] * fx
                below = images[n, row + one, column] * (1 - fx) + images[n, row + one, column + one] * fx
                value = above * (1 - fy) + below * fy
            out[n, k] = value


def polar_coefficients(images: Tensor, grid: PolarGrid, shift_px: Tensor | None = None) -> Tensor:
    """Return unit-norm Fourier coefficients along circles, complex64 (n, rings, angles // 2 + 1).

    The mean over the disc is taken away and the norm over it set to one (each sample weighs its area), so that the inner
    product of two is their normalised correlation. ``shift_px`` (n, 2) moves the middle of each image, (x, y).
    """
    n, box = len(images), images.shape[-1]
    centre = torch.full((n, 2), float(box // 2))
    if shift_px is not None:
        centre = centre + shift_px
    samples = np.empty((n, grid.rings * grid.angles), np.float32)
    _sample(np.ascontiguousarray(images.numpy()), centre.numpy().astype(np.float32), grid.points(), samples)
    values = torch.from_numpy(samples).view(n, grid.rings, grid.angles)
    area = grid.area()[:, None]
    values = values - (values * area).sum((1, 2), keepdim=True)
    norm = (values.square() * area).sum((1, 2), keepdim=True).sqrt().clamp_min(1e-20)
    weighted = values * area.sqrt() / norm
    return torch.fft.rfft(weighted, dim=2, norm="ortho")
