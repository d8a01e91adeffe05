"""Images as circular harmonics: Fourier coefficients along circles about the middle.

Turning an image about its middle only shifts the phases of these coefficients, so that one short inverse transform gives
the correlation at every in-plane angle (J. Frank, "Three-Dimensional Electron Microscopy of Macromolecular
Assemblies", 2006, chapter 3). Coefficients are real arrays (orders, n, 2 rings), the real parts of all rings before the
imaginary ones, even orders before odd ones: so both the transforms and the correlation are products of matrices.
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["CircularHarmonics", "norm", "orders_of", "packed_views"]


def orders_of(angles: int) -> NDArray[np.int64]:
    """Return the orders (angles / 2 + 1,) in the order in which coefficients are kept, the even ones first.

    >>> orders_of(8).tolist()
    [0, 2, 4, 1, 3]
    """
    orders = np.arange(angles // 2 + 1)
    return np.concatenate([orders[::2], orders[1::2]])


@dataclass(frozen=True, slots=True)
class _Circles:
    """Where circles pass through an image, and the transform along them.

    ``corner`` int64 and ``part`` float32, both (rings * angles, 4), are flat pixels and their bilinear weights. ``waves``
    (2, orders, angles) turn samples into coefficients. ``area`` and ``plane`` (rings,) are the unit profiles of a level
    (in order 0) and of a plane (in order 1). ``carried`` (orders, rings): an order that a circle is too short for holds
    interpolation error alone.
    """

    corner: NDArray[np.int64]
    part: NDArray[np.float32]
    waves: Tensor
    area: Tensor
    plane: Tensor
    carried: Tensor


@functools.lru_cache(maxsize=16)
def _circles(box_px: int, rings: int, angles: int) -> _Circles:
    radius = np.arange(rings) + 0.5
    angle = 2 * math.pi * np.arange(angles) / angles
    x = (box_px // 2 + radius[:, None] * np.cos(angle)).ravel()
    y = (box_px // 2 + radius[:, None] * np.sin(angle)).ravel()
    column, row = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - column, y - row
    weight = np.repeat(np.sqrt(radius / (radius.sum() * angles)), angles)  # samples count by their area
    orders = orders_of(angles)
    phase = np.outer(orders, angle)
    waves = np.stack([np.cos(phase), -np.sin(phase)]) / math.sqrt(angles)
    area, plane = np.sqrt(radius), radius**1.5
    carried = orders[:, None] <= np.maximum(1, np.floor(math.pi * radius))[None, :]
    return _Circles(
        corner=np.stack([row * box_px + column + step for step in (0, 1, box_px, box_px + 1)], 1),
        part=(
            weight[:, None] * np.stack([(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx], 1)
        ).astype(np.float32),
        waves=torch.from_numpy(waves).float(),
        area=torch.from_numpy(area / np.linalg.norm(area)).float(),
        plane=torch.from_numpy(plane / np.linalg.norm(plane)).float(),
        carried=torch.from_numpy(carried),
    )


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _sample(images, corner, part, out):  # type: ignore[no-untyped-def]
    for n in prange(images.shape[0]):
        for k in range(corner.shape[0]):
            out[n, k] = (
                part[k, 0] * images[n, corner[k, 0]]
                + part[k, 1] * images[n, corner[k, 1]]
                + part[k, 2] * images[n, corner[k, 2]]
                + part[k, 3] * images[n, corner[k, 3]]
            )


class CircularHarmonics:
    """Coefficients of images (n, box, box) within ``radius_px`` of pixel box // 2, float32 (orders, n, 2 rings).

    The mean and the plane over the disc are taken away, and samples weigh their area, so that the inner product of two is
    that of the images within the disc. ``angles``, an even number, are the samples along each circle.
    """

    def __init__(self, box_px: int, radius_px: float, angles: int = 48) -> None:
        self.box_px = box_px
        self.rings = max(3, min(int(radius_px), box_px // 2 - 1))
        self.angles = angles
        self._circles = _circles(box_px, self.rings, angles)

    def __call__(self, images: Tensor) -> Tensor:
        """Return the coefficients of images (n, box, box)."""
        c, n = self._circles, len(images)
        samples = np.empty((n, len(c.corner)), np.float32)
        _sample(images.float().reshape(n, -1).contiguous().numpy(), c.corner, c.part, samples)
        along = torch.from_numpy(samples).view(-1, self.angles).T
        orders = torch.empty(len(c.waves[0]), n, 2, self.rings)
        for part, wave in enumerate(c.waves):
            orders[:, :, part] = (wave @ along).view(-1, n, self.rings)
        orders *= c.carried[:, None, None, :]
        first = (self.angles // 2 + 2) // 2  # where order 1 stands
        for place, profile in ((0, c.area), (first, c.plane)):
            orders[place] -= (orders[place] @ profile)[..., None] * profile
        return orders.flatten(2)


def _weights(orders: int) -> NDArray[np.float32]:
    """Return how many frequencies (orders,) each order stands for: two, or one at the ends."""
    numbers = orders_of(2 * (orders - 1))
    return np.where((numbers == 0) | (numbers == orders - 1), 1, 2).astype(np.float32)


def norm(coefficients: Tensor) -> Tensor:
    """Return the norm (n,) of the images behind coefficients (orders, n, 2 rings)."""
    weight = torch.from_numpy(_weights(len(coefficients)))
    return (weight @ coefficients.square().sum(2)).sqrt()


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _pack(coefficients, weight, stored, step):  # type: ignore[no-untyped-def]
    orders, views, numbers = coefficients.shape
    for v in prange(views):
        square = np.float32(0)
        largest = np.float32(1e-20)
        for m in range(orders):
            own = np.float32(0)
            for r in range(numbers):
                value = coefficients[m, v, r]
                own += value * value
                largest = max(largest, abs(value))
            square += weight[m] * own
        step[v] = largest / (np.float32(127) * np.sqrt(max(square, np.float32(1e-36))))
        factor = np.float32(127) / largest
        for m in range(orders):
            for r in range(numbers):
                stored[m, v, r] = np.int8(np.rint(coefficients[m, v, r] * factor))


def packed_views(coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 (orders, v, 2 rings), and the step (v,) that makes them coefficients of unit norm."""
    stored = np.empty(coefficients.shape, np.int8)
    step = np.empty(coefficients.shape[1], np.float32)
    _pack(coefficients.numpy(), _weights(len(coefficients)), stored, step)
    return torch.from_numpy(stored), torch.from_numpy(step)
