"""How well probabilities tell two kinds apart, and whether they mean what they say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

__all__ = ["Bin", "area_under_roc", "calibration_error", "false_accept_rate", "miss_rate", "reliability"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

BINS = 10
THRESHOLD = 0.5


def area_under_roc(probability: Floats, known: Flags) -> float:
    """Return the chance that a known one (n,) has a higher probability than an unknown one, ties counted half.

    From the ranks of the known ones, as Mann and Whitney's U (J. A. Hanley and B. J. McNeil, Radiology 143:29, 1982);
    NaN where there is only one kind.

    >>> area_under_roc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([True, True, False, False]))
    0.875
    """
    yes, no = int(known.sum()), int((~known).sum())
    if yes == 0 or no == 0:
        return float("nan")
    return float((rankdata(probability)[known].sum() - yes * (yes + 1) / 2) / (yes * no))


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: how many fell in it, what was claimed on average, and how often it held."""

    low: float
    high: float
    count: int
    claimed: float
    held: float


def reliability(probability: Floats, known: Flags) -> tuple[Bin, ...]:
    """Return the table of ten equally wide bins; claimed and held are NaN where a bin is empty."""
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    bins = []
    for k in range(BINS):
        inside = place == k
        count = int(inside.sum())
        claimed = float(probability[inside].mean()) if count else float("nan")
        held = float(known[inside].mean()) if count else float("nan")
        bins.append(Bin(k / BINS, (k + 1) / BINS, count, claimed, held))
    return tuple(bins)


def calibration_error(probability: Floats, known: Flags) -> float:
    """Return the expected calibration error: the mean of |claimed - held| over ten bins, weighted by their counts.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.

    >>> round(calibration_error(np.array([0.8, 0.8, 0.8, 0.8]), np.array([True, True, False, False])), 3)
    0.3
    """
    bins = [b for b in reliability(probability, known) if b.count]
    return float(sum(b.count * abs(b.claimed - b.held) for b in bins) / len(probability))


def false_accept_rate(probability: Floats, known: Flags) -> float:
    """Return the share of unknown ones whose probability is 0.5 or more; NaN where there are none."""
    return float(np.mean(probability[~known] >= THRESHOLD)) if (~known).any() else float("nan")


def miss_rate(probability: Floats, known: Flags) -> float:
    """Return the share of known ones whose probability is under 0.5; NaN where there are none."""
    return float(np.mean(probability[known] < THRESHOLD)) if known.any() else float("nan")
