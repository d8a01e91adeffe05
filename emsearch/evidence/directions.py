"""From where a set of particles was seen: is the sphere covered, or do they prefer to lie in one way?

A projection and its mirror image come from opposite directions, so that directions count as axes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from emsearch.imaging.rotations import healpix_directions

__all__ = ["Spread", "spread_of_directions"]

_FEWEST = 10
_NSIDE = 4
_REACH_DEGREES = 15.0  # about the spacing of HEALPix nside 4


@dataclass(frozen=True, slots=True)
class Spread:
    """How n viewing directions are spread.

    ``uniform_p`` is the probability that even directions are as uneven as these, ``covered`` the share of the sphere within
    15 degrees of a direction or its opposite, ``expected_covered`` what as many even directions cover on average.
    """

    uniform_p: float
    covered: float
    expected_covered: float


def spread_of_directions(directions: NDArray[np.floating]) -> Spread | None:
    """Return the spread of unit vectors (n, 3); None for fewer than ten, which tell nothing.

    Uniformity by the test of C. Bingham (Ann. Stat. 2:1201, 1974): with the eigenvalues t of the mean of d d^T,
    7.5 n (sum t^2 - 1/3) is distributed as chi-square of five degrees of freedom.
    """
    axes = np.asarray(directions, np.float64)
    if len(axes) < _FEWEST:
        return None
    scatter = axes.T @ axes / len(axes)
    statistic = 7.5 * len(axes) * (float(np.square(scatter).sum()) - 1 / 3)
    near = np.abs(healpix_directions(_NSIDE) @ axes.T).max(1) >= math.cos(math.radians(_REACH_DEGREES))
    cap = 1 - math.cos(math.radians(_REACH_DEGREES))  # of a cap and its opposite, over the sphere
    return Spread(float(chi2.sf(statistic, 5)), float(near.mean()), 1 - (1 - cap) ** len(axes))
