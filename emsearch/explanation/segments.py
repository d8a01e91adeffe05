"""Segments of an image: patches of like brightness, so that what is switched off together belongs together."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from emsearch.explanation.maps import disc_mask

__all__ = ["segment"]

_BRIGHTNESS = 0.5
"""How much a standard deviation of brightness weighs beside the side of a segment."""

_SIGMA_PX = 1.5
_ROUNDS = 10


def segment(image: NDArray[np.floating], count: int, seed: int) -> NDArray[np.int64]:
    """Return the segment of each pixel (box, box), from 0, and one more number for the pixels beyond the inscribed disc.

    Simple linear iterative clustering (Achanta et al., IEEE TPAMI 34:2274, 2012): k-means over place and smoothed
    brightness, from centres drawn at random. Segments that lose all pixels leave their number to the next.
    """
    box = image.shape[0]
    inside = disc_mask(box, box / 2)
    bright = gaussian_filter(np.asarray(image, np.float64), _SIGMA_PX)
    side = np.sqrt(inside.sum() / count)
    y, x = np.nonzero(inside)
    spread = max(float(bright[inside].std()), 1e-12)
    points = np.stack([x / side, y / side, _BRIGHTNESS * bright[inside] / spread], axis=1)
    centre = points[np.random.default_rng(seed).choice(len(points), count, replace=False)]
    for _ in range(_ROUNDS):
        label = cKDTree(centre).query(points)[1]
        held = np.bincount(label, minlength=count)
        sums = np.stack([np.bincount(label, column, count) for column in points.T], axis=1)
        centre = np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], centre)
    found = np.full((box, box), -1, np.int64)
    found[inside] = np.unique(label, return_inverse=True)[1]
    found[~inside] = found.max() + 1
    return found
