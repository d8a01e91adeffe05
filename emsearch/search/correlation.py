"""Correlation of many views with shifted copies of an image, at every in-plane angle.

Views and copies are circular harmonics. Their products, order by order, are the Fourier coefficients of the correlation as
a function of the angle; angles half a turn apart share the sums over even and over odd orders. All of it is products of
matrices; only what is looked for in the result, the best poses and the sum of likelihoods, is compiled here (numba).
"""

import functools
import math
from dataclasses import dataclass

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

from emsearch.search.harmonics import orders_of

__all__ = ["Curves", "correlate", "log_mean_likelihood", "packed"]

Floats = NDArray[np.float32]

_TABLE_STEPS = 16384
_NEGLIGIBLE = 15.0  # a view whose best pose is less likely by this logarithm adds nothing


@dataclass(frozen=True, slots=True)
class Curves:
    """Correlations of v views with the s copies of an image, before ``scale`` (v,).

    At angle k of the first half turn they are ``even`` plus ``odd`` (angles / 2, v, s), half a turn on their difference;
    step k stands for views turned by k 360 / angles degrees from +x towards +y. ``best`` (v,) is the highest of
    each view, ``turn`` and ``copy`` (v,) say where it stands.
    """

    even: Floats
    odd: Floats
    scale: Floats
    best: Floats
    turn: NDArray[np.int64]
    copy: NDArray[np.int64]

    @property
    def values(self) -> Floats:
        """All correlations, (angles, v, s)."""
        halves = np.concatenate([self.even + self.odd, self.even - self.odd])
        return np.asarray(halves * self.scale[:, None])


def packed(coefficients: Tensor) -> Tensor:
    """Return copies (2, orders, 2 rings, s) of an image, from their coefficients (orders, s, 2 rings).

    A view's coefficients times the first are the real parts of the products (view conjugate), times the second
    the imaginary parts.
    """
    real, imaginary = coefficients.chunk(2, dim=2)
    both = torch.stack([torch.cat([real, imaginary], 2), torch.cat([imaginary, -real], 2)])
    return both.transpose(2, 3).contiguous()


@functools.lru_cache(maxsize=4)
def _waves(angles: int) -> Tensor:
    """Return (2, orders, angles / 2): what turns real and imaginary coefficients into a real signal over half a turn."""
    orders = orders_of(angles)
    weight = np.where((orders == 0) | (orders == angles // 2), 1.0, 2.0)[:, None]
    phase = 2 * math.pi * np.outer(orders, np.arange(angles // 2)) / angles
    return torch.from_numpy(np.stack([weight * np.cos(phase), -weight * np.sin(phase)])).float()


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _highest(even, odd, scale, best, turn, copy):  # type: ignore[no-untyped-def]
    half, views, count = even.shape
    for v in prange(views):
        highest = np.float32(-np.inf)
        for t in range(half):
            a, b = even[t, v], odd[t, v]
            peak = np.float32(-np.inf)
            for s in range(count):
                peak = max(peak, a[s] + abs(b[s]))
            if peak > highest:
                highest = peak
                turn[v] = t
        a, b = even[turn[v], v], odd[turn[v], v]
        first = np.float32(-np.inf)
        for s in range(count):
            if a[s] + abs(b[s]) > first:
                first = a[s] + abs(b[s])
                copy[v] = s
        if b[copy[v]] < 0:
            turn[v] += half
        best[v] = highest * scale[v]


def correlate(stored: Tensor, scale: Tensor, copies: Tensor) -> Curves:
    """Return the inner products of views and copies: of both at unit norm they are correlations.

    ``stored`` (orders, v, 2 rings), of any number type, times ``scale`` (v,) are coefficients of v views; ``copies`` as
    `packed` returns them.
    """
    orders, views, _ = stored.shape
    angles = 2 * (orders - 1)
    numbers = stored.float()
    real, imaginary = (torch.bmm(numbers, part).flatten(1) for part in copies)
    cosine, sine = _waves(angles)
    middle = orders - orders // 2  # where the odd orders begin

    def half(rows: slice) -> Floats:
        found = torch.addmm(cosine[rows].T @ real[rows], sine[rows].T, imaginary[rows])
        return np.asarray(found.view(angles // 2, views, -1).numpy())

    even, odd, factor = half(slice(middle)), half(slice(middle, None)), scale.numpy()
    best, turn, copy = np.empty(views, np.float32), np.zeros(views, np.int64), np.zeros(views, np.int64)
    _highest(even, odd, factor, best, turn, copy)
    return Curves(even, odd, factor, best, turn, copy)


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _add_likelihoods(even, odd, scale, heard, weight, table, sums):  # type: ignore[no-untyped-def]
    last = np.float32(len(table) - 1)
    for k in prange(len(heard)):
        v = heard[k]
        total = np.float32(0)
        for t in range(even.shape[0]):
            a, b = even[t, v], odd[t, v]
            for s in range(len(weight)):
                near = min(max((a[s] + b[s]) * scale[k], np.float32(0)), last)
                far = min(max((a[s] - b[s]) * scale[k], np.float32(0)), last)
                both = table[np.uint32(near + np.float32(0.5))] + table[np.uint32(far + np.float32(0.5))]
                total += weight[s] * both
        sums[k] = total


def log_mean_likelihood(curves: Curves, copy_weight: Floats, pixels: float) -> float:
    """Return the log of the mean likelihood over views, angles and copies, over that of no particle.

    Of one pose it is -N/2 log(1 - c^2) with N = ``pixels``, amplitude and noise at their best; a negative correlation
    explains nothing. ``copy_weight`` (s,), of sum one, is how likely each copy's shift is.
    """
    best = float(np.clip(curves.best.max(), 1e-3, 0.995))
    steps = np.linspace(0, best, _TABLE_STEPS)
    gain = -0.5 * pixels * np.log1p(-np.square(steps))
    table = np.exp(gain - gain[-1]).astype(np.float32)
    least = float(np.interp(gain[-1] - _NEGLIGIBLE, gain, steps))
    heard = np.flatnonzero(curves.best >= least)
    sums = np.empty(len(heard), np.float32)
    scale = curves.scale[heard] * np.float32((_TABLE_STEPS - 1) / best)
    _add_likelihoods(curves.even, curves.odd, scale, heard, copy_weight, table, sums)
    poses = 2 * len(curves.even) * len(curves.best)
    return float(gain[-1] + np.log(max(float(sums.sum(dtype=np.float64)), 1e-30)) - math.log(poses))
