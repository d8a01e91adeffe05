"""Overlap of two blurred mass densities for a given pose, and its gradient (compiled kernels).

Both densities are sums of Gaussians, rho(x) = sum_i m_i N(x; r_i, s^2), so that their overlap

    int rhoA rhoB = sum_i m_i GB(O r_i + t),    GB = rhoB blurred with both widths, s^2 = sA^2 + sB^2

needs no box and one grid only: that of GB. The grid holds cubic B-spline coefficients: Gaussians of
variance s^2 - h^2/3, because the cubic B-spline of spacing h is itself close to a Gaussian of variance
h^2/3 (M. Unser, IEEE Signal Process. Mag. 16(6):22, 1999). Values are then smooth to the second derivative,
which the refinement of a pose wants.

Every `matrix` is an orthogonal (3, 3) of determinant +1 or -1 that acts on column vectors.
"""

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["BlurredGrid", "blurred_grid", "overlap", "overlap_gradient", "overlaps_linear"]

_CUTOFF_SIGMA = 4.0
_MARGIN_VOXELS = 2  # the support of the cubic B-spline on either side


@dataclass(frozen=True, slots=True)
class BlurredGrid:
    """A mass density blurred to one width, as cubic B-spline coefficients in Da/A^3.

    Attributes
    ----------
    coefficients : float32 (nx, ny, nz)
    origin_angstrom : float64 (3,)
        Position of the first voxel.
    spacing_angstrom : float
    """

    coefficients: NDArray[np.float32]
    origin_angstrom: NDArray[np.float64]
    spacing_angstrom: float


def blurred_grid(
    position: NDArray[np.float32],
    mass: NDArray[np.float32],
    variance_angstrom2: float,
    spacing_angstrom: float,
) -> BlurredGrid:
    """Put point masses, each blurred to a Gaussian, on a grid that just holds them.

    Parameters
    ----------
    position : float32 (n, 3)
        In A.
    mass : float32 (n,)
        In Da.
    variance_angstrom2 : float
        Variance per axis of every Gaussian; more than 0.6 of the spacing squared.
    spacing_angstrom : float
    """
    splatted = variance_angstrom2 - spacing_angstrom**2 / 3.0
    reach = math.ceil(_CUTOFF_SIGMA * math.sqrt(splatted) / spacing_angstrom)
    margin = (reach + _MARGIN_VOXELS) * spacing_angstrom
    origin = position.min(axis=0).astype(np.float64) - margin
    extent = position.max(axis=0).astype(np.float64) + margin - origin
    shape = np.ceil(extent / spacing_angstrom).astype(np.int64) + 1
    coefficients = np.zeros(tuple(shape), np.float32)
    _splat(coefficients, position, mass, origin, spacing_angstrom, splatted, reach)
    return BlurredGrid(coefficients, origin, spacing_angstrom)


@njit(cache=True)
def _splat(grid, position, mass, origin, spacing, variance, reach):  # type: ignore[no-untyped-def]
    taps = 2 * reach + 1
    weight = np.empty((3, taps), np.float32)
    first = np.empty(3, np.int64)
    norm = (2.0 * math.pi * variance) ** -1.5
    exponent = -0.5 * spacing * spacing / variance
    for i in range(position.shape[0]):
        for axis in range(3):
            at = (position[i, axis] - origin[axis]) / spacing
            first[axis] = round(at) - reach
            for tap in range(taps):
                off = at - (first[axis] + tap)
                weight[axis, tap] = math.exp(exponent * off * off)
        for x in range(taps):
            wx = np.float32(mass[i] * norm) * weight[0, x]
            for y in range(taps):
                wxy = wx * weight[1, y]
                row = grid[first[0] + x, first[1] + y]
                for z in range(taps):
                    row[first[2] + z] += wxy * weight[2, z]


@njit(cache=True, inline="always")
def _cubic(fraction, weight):  # type: ignore[no-untyped-def]
    """Fill the four cubic B-spline weights at a fraction in [0, 1) between the two middle nodes."""
    rest = 1.0 - fraction
    weight[0] = rest * rest * rest / 6.0
    weight[1] = 2.0 / 3.0 - 0.5 * fraction * fraction * (2.0 - fraction)
    weight[2] = 2.0 / 3.0 - 0.5 * rest * rest * (2.0 - rest)
    weight[3] = fraction * fraction * fraction / 6.0


@njit(cache=True, inline="always")
def _cubic_slope(fraction, weight):  # type: ignore[no-untyped-def]
    """Fill the derivatives of the four cubic B-spline weights, per voxel."""
    rest = 1.0 - fraction
    weight[0] = -0.5 * rest * rest
    weight[1] = fraction * (1.5 * fraction - 2.0)
    weight[2] = -rest * (1.5 * rest - 2.0)
    weight[3] = 0.5 * fraction * fraction


@njit(cache=True)
def overlap(coefficients, origin, spacing, position, mass, matrix, shift):  # type: ignore[no-untyped-def]
    """Overlap of point masses, posed as ``matrix @ position + shift``, with a blurred grid.

    Parameters
    ----------
    coefficients, origin, spacing
        The fields of a `BlurredGrid`.
    position, mass : float32 (n, 3), (n,)
    matrix, shift : float64 (3, 3), (3,)

    Returns
    -------
    float
        In Da^2/A^3; nothing is added by masses outside the grid, where the density is zero.
    """
    wx, wy, wz = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    nx, ny, nz = coefficients.shape
    step = 1.0 / spacing
    m00, m01, m02 = matrix[0, 0] * step, matrix[0, 1] * step, matrix[0, 2] * step
    m10, m11, m12 = matrix[1, 0] * step, matrix[1, 1] * step, matrix[1, 2] * step
    m20, m21, m22 = matrix[2, 0] * step, matrix[2, 1] * step, matrix[2, 2] * step
    sx, sy, sz = (shift[0] - origin[0]) * step, (shift[1] - origin[1]) * step, (shift[2] - origin[2]) * step
    total = 0.0
    for i in range(position.shape[0]):
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        x = m00 * px + m01 * py + m02 * pz + sx
        y = m10 * px + m11 * py + m12 * pz + sy
        z = m20 * px + m21 * py + m22 * pz + sz
        ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
        if ix < 1 or iy < 1 or iz < 1 or ix + 2 >= nx or iy + 2 >= ny or iz + 2 >= nz:
            continue
        _cubic(np.float32(x - ix), wx)
        _cubic(np.float32(y - iy), wy)
        _cubic(np.float32(z - iz), wz)
        value = np.float32(0.0)
        for a in range(4):
            plane = np.float32(0.0)
            for b in range(4):
                c = coefficients[ix - 1 + a, iy - 1 + b]
                k = iz - 1
                plane += wy[b] * (wz[0] * c[k] + wz[1] * c[k + 1] + wz[2] * c[k + 2] + wz[3] * c[k + 3])
            value += wx[a] * plane
        total += mass[i] * value
    return total


@njit(cache=True)
def overlap_gradient(coefficients, origin, spacing, position, mass, matrix, shift, gradient):  # type: ignore[no-untyped-def]
    """Overlap as in `overlap`, and its derivative by a further small motion of the posed masses.

    ``gradient`` float64 (6,) is filled: by the rotation vector in radians, acting from the left about
    the point ``shift``, then by the translation in A.
    """
    wx, wy, wz = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    dx, dy, dz = np.empty(4, np.float32), np.empty(4, np.float32), np.empty(4, np.float32)
    nx, ny, nz = coefficients.shape
    step = 1.0 / spacing
    gradient[:] = 0.0
    total = 0.0
    for i in range(position.shape[0]):
        px, py, pz = position[i, 0], position[i, 1], position[i, 2]
        rx = matrix[0, 0] * px + matrix[0, 1] * py + matrix[0, 2] * pz
        ry = matrix[1, 0] * px + matrix[1, 1] * py + matrix[1, 2] * pz
        rz = matrix[2, 0] * px + matrix[2, 1] * py + matrix[2, 2] * pz
        x = (rx + shift[0] - origin[0]) * step
        y = (ry + shift[1] - origin[1]) * step
        z = (rz + shift[2] - origin[2]) * step
        ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
        if ix < 1 or iy < 1 or iz < 1 or ix + 2 >= nx or iy + 2 >= ny or iz + 2 >= nz:
            continue
        fx, fy, fz = np.float32(x - ix), np.float32(y - iy), np.float32(z - iz)
        _cubic(fx, wx)
        _cubic(fy, wy)
        _cubic(fz, wz)
        _cubic_slope(fx, dx)
        _cubic_slope(fy, dy)
        _cubic_slope(fz, dz)
        value, gx, gy, gz = np.float32(0.0), np.float32(0.0), np.float32(0.0), np.float32(0.0)
        for a in range(4):
            plane, plane_y, plane_z = np.float32(0.0), np.float32(0.0), np.float32(0.0)
            for b in range(4):
                c = coefficients[ix - 1 + a, iy - 1 + b]
                k = iz - 1
                line = wz[0] * c[k] + wz[1] * c[k + 1] + wz[2] * c[k + 2] + wz[3] * c[k + 3]
                slope = dz[0] * c[k] + dz[1] * c[k + 1] + dz[2] * c[k + 2] + dz[3] * c[k + 3]
                plane += wy[b] * line
                plane_y += dy[b] * line
                plane_z += wy[b] * slope
            value += wx[a] * plane
            gx += dx[a] * plane
            gy += wx[a] * plane_y
            gz += wx[a] * plane_z
        weight = mass[i] * step
        total += mass[i] * value
        gradient[0] += weight * (ry * gz - rz * gy)
        gradient[1] += weight * (rz * gx - rx * gz)
        gradient[2] += weight * (rx * gy - ry * gx)
        gradient[3] += weight * gx
        gradient[4] += weight * gy
        gradient[5] += weight * gz
    return total


@njit(cache=True)
def overlaps_linear(coefficients, origin, spacing, position, mass, matrices):  # type: ignore[no-untyped-def]
    """Overlaps of many unshifted poses, (k, 3, 3), by the linear B-spline: less work, for ranking only."""
    values = np.empty(matrices.shape[0], np.float32)
    nx, ny, nz = coefficients.shape
    step = np.float32(1.0 / spacing)
    ox, oy, oz = np.float32(-origin[0] * step), np.float32(-origin[1] * step), np.float32(-origin[2] * step)
    for k in range(matrices.shape[0]):
        m = (matrices[k] * step).astype(np.float32)
        total = np.float32(0.0)
        for i in range(position.shape[0]):
            px, py, pz = position[i, 0], position[i, 1], position[i, 2]
            x = m[0, 0] * px + m[0, 1] * py + m[0, 2] * pz + ox
            y = m[1, 0] * px + m[1, 1] * py + m[1, 2] * pz + oy
            z = m[2, 0] * px + m[2, 1] * py + m[2, 2] * pz + oz
            if x < 0 or y < 0 or z < 0 or x >= nx - 1 or y >= ny - 1 or z >= nz - 1:
                continue
            ix, iy, iz = int(x), int(y), int(z)
            fx, fy, fz = x - np.float32(ix), y - np.float32(iy), z - np.float32(iz)
            c00, c01 = coefficients[ix, iy], coefficients[ix, iy + 1]
            c10, c11 = coefficients[ix + 1, iy], coefficients[ix + 1, iy + 1]
            v00 = c00[iz] + fz * (c00[iz + 1] - c00[iz])
            v01 = c01[iz] + fz * (c01[iz + 1] - c01[iz])
            v10 = c10[iz] + fz * (c10[iz + 1] - c10[iz])
            v11 = c11[iz] + fz * (c11[iz + 1] - c11[iz])
            v0 = v00 + fy * (v01 - v00)
            v1 = v10 + fy * (v11 - v10)
            total += mass[i] * (v0 + fx * (v1 - v0))
        values[k] = total
    return values
