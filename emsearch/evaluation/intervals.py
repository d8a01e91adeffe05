"""Confidence intervals of what was measured."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["bootstrap_interval", "wilson_interval"]

_Z95 = 1.959964
_DRAWS = 1000


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (E. B. Wilson, J. Am. Stat. Assoc. 22:209, 1927).

    >>> [round(x, 3) for x in wilson_interval(70, 100)]
    [0.604, 0.781]
    """
    if total == 0:
        return 0.0, 1.0
    p, z2 = right / total, _Z95**2
    middle = (p + z2 / (2 * total)) / (1 + z2 / total)
    half = _Z95 / (1 + z2 / total) * math.sqrt(p * (1 - p) / total + z2 / (4 * total**2))
    # Rounding must not leave the share itself outside.
    return (middle - half if right > 0 else 0.0), (middle + half if right < total else 1.0)


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float], cluster: NDArray[np.integer], seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a statistic whose data come in clusters.

    Whole clusters are drawn with replacement, 1,000 times (B. Efron and R. J. Tibshirani, An Introduction to the
    Bootstrap, 1993, chapter 13): images of one group are not independent. Draws in which the statistic is NaN are left
    out.

    Parameters
    ----------
    statistic : function of positions (m,) in the data
    cluster : (n,)
        Which cluster each of the n data belongs to.
    """
    rng = np.random.default_rng(seed)
    names, member = np.unique(cluster, return_inverse=True)
    positions = [np.flatnonzero(member == k) for k in range(len(names))]
    found = np.array(
        [
            statistic(np.concatenate([positions[k] for k in rng.integers(0, len(names), len(names))]))
            for _ in range(_DRAWS)
        ]
    )
    found = found[~np.isnan(found)]
    if not len(found):
        return float("nan"), float("nan")
    low, high = np.percentile(found, [2.5, 97.5]).tolist()
    return low, high
