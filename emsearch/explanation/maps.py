"""Maps of relevance compared with one another and with what is known."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.stats import mannwhitneyu, spearmanr

__all__ = ["disc_mask", "edge_map", "localisation", "random_map", "rank_correlation", "smoothed"]

Floats = NDArray[np.float64]

_EDGE_SIGMA_PX = 1.5


def smoothed(relevance: Floats, sigma_px: float) -> Floats:
    """Return a map (box, box) blurred by a Gaussian; its sum stays."""
    return np.asarray(gaussian_filter(np.asarray(relevance, np.float64), sigma_px, mode="reflect"))


def rank_correlation(a: Floats, b: Floats, where: NDArray[np.bool_]) -> float:
    """Return Spearman's correlation of two maps over some pixels; 0 where one of them is flat."""
    first, second = a[where], b[where]
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(spearmanr(first, second).statistic)


def localisation(relevance: Floats, truth: NDArray[np.bool_], where: NDArray[np.bool_]) -> float:
    """Return the chance that a pixel of the truth is more relevant than another one of those looked at; random is 0.5.

    The area under the ROC curve, from Mann and Whitney's U; NaN where all pixels are of one kind.

    >>> relevance = np.array([[0.0, 1.0, 2.0, 3.0]])
    >>> localisation(relevance, relevance > 1.5, relevance > -1)
    1.0
    """
    inside, outside = relevance[where & truth], relevance[where & ~truth]
    if not len(inside) or not len(outside):
        return float("nan")
    return float(mannwhitneyu(inside, outside).statistic / (len(inside) * len(outside)))


def disc_mask(box_px: int, radius_px: float) -> NDArray[np.bool_]:
    """Return which pixels (box, box) lie within a radius of pixel box // 2."""
    axis = np.arange(box_px) - box_px // 2
    return np.asarray(np.hypot(axis[:, None], axis[None, :]) <= radius_px)


def edge_map(image: Floats) -> Floats:
    """Return the length of the gradient of an image (h, w), smoothed: what a map shows that knows of edges alone."""
    down, right = np.gradient(gaussian_filter(np.asarray(image, np.float64), _EDGE_SIGMA_PX))
    return np.asarray(np.hypot(down, right))


def random_map(box_px: int, sigma_px: float, seed: int) -> Floats:
    """Return white noise (box, box), as smooth as the maps that it is compared with."""
    return smoothed(np.random.default_rng(seed).standard_normal((box_px, box_px)), sigma_px)
