"""Groups that an image cannot tell apart: a set that holds the right one as often as is promised.

Adaptive prediction sets (Romano, Sesia and Candes, NeurIPS 2020) without randomisation: groups join in the order of
their probability until those before them have a certain mass. That mass is found on images that the probabilities were
not shaped for one by one, so that the set holds the right group for `COVERAGE` of images like them, whatever the
probabilities are worth.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["COVERAGE", "conformal_mass", "mass_before", "undecided"]

COVERAGE = 0.95

Floats = NDArray[np.float64]


def mass_before(probability: Floats, right: int) -> float:
    """Return the probability of all groups that come before number ``right`` in order; 1 where it is -1, not there."""
    if right < 0:
        return 1.0
    before = (probability > probability[right]) | (
        (probability == probability[right]) & (np.arange(len(probability)) < right)
    )
    return float(probability[before].sum())


def conformal_mass(masses: Sequence[float], coverage: float = COVERAGE) -> float:
    """Return the mass up to which groups join, from the `mass_before` of the right groups of n images.

    The ceil((n + 1) coverage)-th smallest of them, 1 where n is too small for that.

    >>> conformal_mass([0.0] * 90 + [0.3] * 9 + [0.9])
    0.3
    """
    place = math.ceil((len(masses) + 1) * coverage)
    return sorted(masses)[place - 1] if place <= len(masses) else 1.0


def undecided(probability: Floats, mass: float) -> NDArray[np.int64]:
    """Return the positions (k,) of the groups that cannot be told apart, best first; the first is always among them.

    >>> undecided(np.array([0.1, 0.6, 0.3]), 0.6).tolist()
    [1, 2]
    """
    order = np.argsort(-probability, kind="stable")
    before = np.cumsum(probability[order]) - probability[order]
    return np.asarray(order[before <= mass + 1e-12])
