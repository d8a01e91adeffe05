"""Images as circular harmonics: Fourier coefficients along circles about the middle.

Turning an image about its middle only shifts the phases of these coefficients, so that one short inverse transform gives
the correlation at every in-plane angle (J. Frank, "Three-Dimensional Electron Microscopy of Macromolecular
Assemblies", 2006, chapter 3). Sampling the circles, taking away the mean and the plane, and the transform along
the circles are all linear: here they are one matrix, so that thousands of images cost one matrix product.
"""

import functools
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ANGLES", "CircularHarmonics", "correlate", "norm"]

ANGLES = 48
"""In-plane angles at which correlations are evaluated."""


def _sampling_matrix(box_px: int, radius: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return (rings, ANGLES, box^2): bilinear interpolation at angles from +x towards +y about pixel box // 2."""
    angle = 2 * math.pi * np.arange(ANGLES) / ANGLES
    x = box_px // 2 + radius[:, None] * np.cos(angle)
    y = box_px // 2 + radius[:, None] * np.sin(angle)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    matrix = np.zeros((*x.shape, box_px, box_px))
    grid = np.indices(x.shape)
    for dy, wy in ((0, row + 1 - y), (1, y - row)):
        for dx, wx in ((0, column + 1 - x), (1, x - column)):
            known = (row + dy >= 0) & (row + dy < box_px) & (column + dx >= 0) & (column + dx < box_px)
            place = grid[0][known], grid[1][known], (row + dy)[known], (column + dx)[known]
            matrix[place] += (wy * wx)[known]
    return matrix.reshape(*x.shape, box_px * box_px)


@functools.lru_cache(maxsize=16)
def _matrix(box_px: int, rings: int) -> Tensor:
    """Return complex64 (box^2, orders * rings): image to coefficients, weighted by area, mean and plane taken away."""
    radius = np.arange(rings) + 0.5
    area = np.sqrt(radius / (radius.sum() * ANGLES))
    weighted = _sampling_matrix(box_px, radius) * area[:, None, None]
    coefficients = np.fft.rfft(weighted, axis=1, norm="ortho").transpose(1, 0, 2)  # (orders, rings, box^2)
    # The mean lives in order 0 and the plane in order 1, each along one profile over the rings.
    for order, profile in ((0, area), (1, area * radius)):
        unit = profile / np.linalg.norm(profile)
        coefficients[order] -= unit[:, None] * (unit @ coefficients[order])[None, :]
    # An order that a circle is too short to carry holds interpolation error alone.
    carried = np.arange(len(coefficients))[:, None] <= np.maximum(1, np.floor(math.pi * radius))[None, :]
    coefficients *= carried[:, :, None]
    return torch.from_numpy(coefficients.reshape(-1, box_px * box_px).T.astype(np.complex64))


class CircularHarmonics:
    """Coefficients of images (n, box, box) within ``radius_px`` of pixel box // 2, complex64 (n, orders, rings).

    The mean and the plane over the disc are taken away, and samples weigh their area, so that the inner product of two is
    that of the images within the disc.
    """

    def __init__(self, box_px: int, radius_px: float) -> None:
        self.box_px = box_px
        self.rings = max(3, min(int(radius_px), box_px // 2 - 1))
        self._matrix = _matrix(box_px, self.rings)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the coefficients of images (n, box, box)."""
        flat = images.flatten(1).float()
        parts = torch.view_as_real(self._matrix).flatten(
            1
        )  # real and imaginary side by side: one real product
        found = torch.view_as_complex((flat @ parts).view(len(flat), -1, 2))
        return found.view(len(flat), ANGLES // 2 + 1, self.rings)


def norm(coefficients: Tensor) -> Tensor:
    """Return the norm (n,) of the images behind coefficients (n, orders, rings)."""
    power = coefficients.real.square().sum(2) + coefficients.imag.square().sum(2)
    return (2 * power.sum(1) - power[:, 0] - power[:, -1]).clamp_min(0).sqrt()


def correlate(views: Tensor, queries: Tensor) -> Tensor:
    """Return inner products (v, s, ANGLES) at every in-plane angle.

    ``views`` (v, orders, rings) against ``queries`` (s, orders, rings); step k holds those of the views turned by
    k 360 / ANGLES degrees from +x towards +y. Of views and queries of unit norm they are correlations.
    """
    product = torch.bmm(views.conj().transpose(0, 1), queries.permute(1, 2, 0))  # (orders, v, s)
    curves: Tensor = torch.fft.irfft(product.permute(1, 2, 0), n=ANGLES, dim=2)
    return curves.mul_(ANGLES)
