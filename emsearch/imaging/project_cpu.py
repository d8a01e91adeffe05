"""Projection of bead models on the CPU: splat and blur, one image a thread (numba).

Linear absorption, S(x, y) = h(x, y) - sum_i v_i w(z_i) g(x - x_i), the particle bright (A. Matsumoto, Sci Rep
7:377, 2017, section on simulated stain images; linear against exponential absorption correlates >= 0.9997).
"""

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.geometry import Exposure

__all__ = ["project"]

_TABLE_LIMIT = 12.0
_TABLE_STEPS = 4096


def _logistic_table() -> NDArray[np.float32]:
    t = np.linspace(-_TABLE_LIMIT, _TABLE_LIMIT, _TABLE_STEPS + 1)
    return (1 / (1 + np.exp(t))).astype(np.float32)


_LOGISTIC = _logistic_table()


@njit(inline="always", fastmath=True)
def _height_limits(centroid, first, last, row):  # type: ignore[no-untyped-def]
    low = np.float32(np.inf)
    high = np.float32(-np.inf)
    for i in range(first, last):
        z = row[0] * centroid[0, i] + row[1] * centroid[1, i] + row[2] * centroid[2, i]
        low = min(low, z)
        high = max(high, z)
    return low, high


@njit(inline="always", fastmath=True)
def _weigh(weight, centroid, volume, ice, nucleic, first, last, row, stain, table):  # type: ignore[no-untyped-def]
    """Fill ``weight`` with what each bead adds to the image; ``row`` takes coordinates to heights."""
    stained, fill, softness, top, uptake = stain[0], stain[1], stain[2], stain[3], stain[4]
    count = last - first
    if stained == 0:
        for i in range(count):
            weight[i] = ice[first + i]
        return
    for i in range(count):
        weight[i] = volume[first + i] * (np.float32(1) - uptake * nucleic[first + i])
    if fill >= 1:
        return
    low, high = _height_limits(centroid, first, last, row)
    limit = np.float32(_TABLE_LIMIT)
    step = np.float32(_TABLE_STEPS / (2 * _TABLE_LIMIT))
    inverse = np.float32(1) / softness
    surface = low + fill * (high - low)
    for i in range(count):
        j = first + i
        z = row[0] * centroid[0, j] + row[1] * centroid[1, j] + row[2] * centroid[2, j]
        t = min(max((z - surface) * inverse, -limit), limit)
        inside = table[np.uint32((t + limit) * step + np.float32(0.5))]
        weight[i] *= inside * (np.float32(1) + top) - top


@njit(inline="always", fastmath=True)
def _place(corner, fx, fy, weight, centroid, first, last, matrix, centre, box):  # type: ignore[no-untyped-def]
    """Find each bead's upper left pixel (flat) and distance from it; off the image it weighs nothing."""
    edge = np.float32(box - 1)
    for i in range(last - first):
        a, b, c = centroid[0, first + i], centroid[1, first + i], centroid[2, first + i]
        x = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c + centre[0]
        y = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c + centre[1]
        inside = (x >= 0) & (y >= 0) & (x < edge) & (y < edge)
        x = x if inside else np.float32(0)
        y = y if inside else np.float32(0)
        weight[i] = weight[i] if inside else np.float32(0)
        column = np.int32(x)
        row = np.int32(y)
        fx[i] = x - np.float32(column)
        fy[i] = y - np.float32(row)
        corner[i] = row * box + column


@njit(inline="always", fastmath=True)
def _splat(pixels, corner, fx, fy, weight, count, box):  # type: ignore[no-untyped-def]
    """Spread each bead over four pixels. Unsigned indices spare the wrap-around test of negative ones."""
    below = np.uint64(box)
    one = np.uint64(1)
    for i in range(count):
        k = np.uint64(corner[i])
        right = weight[i] * fx[i]
        left = weight[i] - right
        low_left = left * fy[i]
        low_right = right * fy[i]
        pixels[k] += left - low_left
        pixels[k + one] += right - low_right
        pixels[k + below] += low_left
        pixels[k + below + one] += low_right


@njit(inline="always", fastmath=True)
def _scale(out, a, factor):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] = factor * a[i]


@njit(inline="always", fastmath=True)
def _add_pair(out, a, b, factor):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] += factor * (a[i] + b[i])


@njit(inline="always", fastmath=True)
def _blur(pixels, tall, wide, taps, box):  # type: ignore[no-untyped-def]
    """Convolve with symmetric taps along both axes; nothing lies beyond the edge.

    Every step is one long loop over whole arrays, which the compiler turns into vector instructions: four
    times faster than going row by row. ``tall`` holds zero rows above and below the image, ``wide`` zero
    columns on both sides (box (box + 2 radius) pixels each).
    """
    radius = len(taps) - 1
    pitch = box + 2 * radius
    count = box * box
    top = radius * box
    tall[:] = 0
    _scale(tall[top : top + count], pixels, np.float32(1))
    _scale(pixels, tall[top : top + count], taps[0])
    for r in range(1, radius + 1):
        above, below = top - r * box, top + r * box
        _add_pair(pixels, tall[above : above + count], tall[below : below + count], taps[r])
    for row in range(box):
        left = row * pitch + radius
        _scale(wide[left : left + box], pixels[row * box : (row + 1) * box], np.float32(1))
    span = box * pitch - 2 * radius
    out = tall[:span]
    _scale(out, wide[radius : radius + span], taps[0])
    for r in range(1, radius + 1):
        _add_pair(out, wide[radius - r : radius - r + span], wide[radius + r : radius + r + span], taps[r])
    for row in range(box):
        _scale(pixels[row * box : (row + 1) * box], tall[row * pitch : row * pitch + box], np.float32(1))


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _project_all(  # type: ignore[no-untyped-def]
    centroid, volume, ice, nucleic, start, structure, matrix, centre, stain, taps, table, workers, images
):
    box = images.shape[1]
    padded = box * (box + 2 * (taps.shape[1] - 1))
    most = np.max(start[1:] - start[:-1])
    for worker in prange(workers):
        weight = np.empty(most, np.float32)
        fx = np.empty(most, np.float32)
        fy = np.empty(most, np.float32)
        corner = np.empty(most, np.int32)
        tall = np.empty(padded, np.float32)
        wide = np.zeros(padded, np.float32)
        for n in range(worker, len(structure), workers):
            pixels = images[n].reshape(box * box)
            pixels[:] = 0
            first = start[structure[n]]
            last = start[structure[n] + 1]
            _weigh(weight, centroid, volume, ice, nucleic, first, last, matrix[n, 2], stain[n], table)
            _place(corner, fx, fy, weight, centroid, first, last, matrix[n], centre[n], box)
            _splat(pixels, corner, fx, fy, weight, last - first, box)
            _blur(pixels, tall, wide, taps[n], box)


def project(cloud: BeadCloud, exposure: Exposure, box_px: int) -> NDArray[np.float32]:
    """Draw the projections of an exposure: float32 (n, box, box), particle bright, no optics and no noise."""
    images = np.empty((len(exposure.structure), box_px, box_px), np.float32)
    _project_all(
        cloud.centroid_angstrom,
        cloud.stain_weight,
        cloud.ice_weight,
        cloud.nucleic,
        cloud.start,
        exposure.structure,
        exposure.matrix,
        exposure.centre_px,
        exposure.stain,
        exposure.taps,
        _LOGISTIC,
        get_num_threads(),
        images,
    )
    return images
