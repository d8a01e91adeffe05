"""Orientations and viewing directions as unit quaternions, (w, x, y, z)."""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "healpix_directions",
    "multiply_quaternions",
    "quaternion_about_beam",
    "quaternion_from_direction",
    "random_quaternions",
]


def multiply_quaternions(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the quaternions (..., 4) of the rotation ``right`` followed by ``left``."""
    a, b, c, d = np.moveaxis(np.asarray(left, np.float64), -1, 0)
    e, f, g, h = np.moveaxis(np.asarray(right, np.float64), -1, 0)
    return np.stack(
        [
            a * e - b * f - c * g - d * h,
            a * f + b * e + c * h - d * g,
            a * g - b * h + c * e + d * f,
            a * h + b * g - c * f + d * e,
        ],
        axis=-1,
    )


def random_quaternions(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Return n uniformly distributed unit quaternions (n, 4): normalised Gaussian 4-vectors."""
    q = rng.standard_normal((n, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    return np.asarray(q)


def healpix_directions(nside: int) -> NDArray[np.float64]:
    """Return the 12 nside^2 HEALPix pixel centres as unit vectors (n, 3), ring order.

    Gorski et al., ApJ 622:759 (2005), equations 2 to 9.

    >>> healpix_directions(4).shape
    (192, 3)
    """
    z: list[float] = []
    phi: list[float] = []
    for ring in range(1, 4 * nside):
        cap = min(ring, 4 * nside - ring)
        if cap < nside:  # polar caps
            height = 1 - cap**2 / (3 * nside**2)
            count, first = 4 * cap, 0.5
            height = height if ring < 2 * nside else -height
        else:  # equatorial belt
            height = 4 / 3 - 2 * ring / (3 * nside)
            count, first = 4 * nside, 0.5 * ((ring - nside + 1) % 2)
        z += [height] * count
        phi += [2 * math.pi * (j + first) / count for j in range(count)]
    heights, angles = np.array(z), np.array(phi)
    radius = np.sqrt(1 - heights**2)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), heights], axis=1)


def quaternion_from_direction(direction: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return quaternions (..., 4) of the shortest rotation that takes directions (..., 3) to the beam, +z."""
    d = np.asarray(direction, np.float64)
    w = 1 + d[..., 2]
    q = np.stack([w, d[..., 1], -d[..., 0], np.zeros_like(w)], axis=-1)
    q[w < 1e-9] = (0.0, 1.0, 0.0, 0.0)  # the direction opposite to the beam: half a turn about x
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def quaternion_about_beam(angle_degrees: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return quaternions (..., 4) of in-plane rotations about +z, counter-clockwise in (x, y)."""
    half = np.deg2rad(np.asarray(angle_degrees, np.float64)) / 2
    zero = np.zeros_like(half)
    return np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1)
