"""The taps that turn bilinearly splatted beads into a Gaussian density of known width.

Splatting with a triangle of one pixel's half width multiplies the transform by sinc^2(k); the taps hold
exp(-2 pi^2 s^2 k^2) / sinc^2(k), so that splat and blur together are the Gaussian alone, with no volume and
no interpolation error up to the pixel's Nyquist frequency.
"""

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["SIGMA_OVER_RESOLUTION", "blur_taps"]

SIGMA_OVER_RESOLUTION = 0.225
"""Gaussian width of density at resolution d, sigma = 0.225 d (the molmap convention of UCSF ChimeraX)."""

_SMALLEST_SIGMA_PX = 0.55  # a narrower Gaussian would alias: its transform at Nyquist would pass 0.23


def blur_taps(sigma_px: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return symmetric taps (n, radius + 1), centre first, for Gaussians of standard deviation sigma_px (n,).

    The radius suits the widest; the taps of each image sum to one over both sides.
    """
    sigma = np.maximum(np.asarray(sigma_px, np.float64), _SMALLEST_SIGMA_PX)
    radius = math.ceil(3.5 * float(sigma.max(initial=_SMALLEST_SIGMA_PX))) + 2
    k = (np.arange(128) + 0.5) / 256  # cycles per pixel, midpoints of [0, 1/2]
    transfer = np.exp(-2 * np.pi**2 * sigma[:, None] ** 2 * k**2) / np.sinc(k) ** 2
    taps = transfer @ np.cos(2 * np.pi * np.outer(k, np.arange(radius + 1))) / 128
    taps /= taps[:, :1] + 2 * taps[:, 1:].sum(axis=1, keepdims=True)
    return taps.astype(np.float32)
