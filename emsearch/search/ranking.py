"""From votes and correlations to probabilities, "none of these" among them."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Calibration", "Evidence", "evidence_of", "group_probabilities", "known_probability"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns evidence into probabilities; fitted on simulated images of the index's own structures.

    ``match_weight`` multiplies the gain in log-likelihood of the correlation, ``network_weight`` the log of the
    network's share. The probability that the image's structure is in the index is the logistic of ``offset`` plus
    the weights times the features of `Evidence`; the fit's negatives are the same images with their own group struck
    from the candidates.
    """

    match_weight: float = 0.02
    network_weight: float = 0.5
    offset: float = 0.0
    similarity: float = 0.0
    correlation: float = 0.0
    gain: float = 0.0
    margin: float = 0.0

    def to_json(self) -> dict[str, float]:
        """Return plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Calibration":
        """Read what ``to_json`` gave."""
        return cls(**{f.name: float(values[f.name]) for f in fields(cls)})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answer to one image rests on.

    ``similarity`` is the best cosine to a view; ``correlation`` the best projection's; ``gain`` its log-likelihood per
    hundred pixels over that of the middling candidate; ``margin`` over that of the second.
    """

    similarity: float
    correlation: float
    gain: float
    margin: float


def log_likelihood(correlation: NDArray[np.floating], pixels: float) -> NDArray[np.float64]:
    """Return the log-likelihood of white noise with the amplitude and variance at their best: -N/2 log(1 - c^2).

    A negative correlation explains nothing.
    """
    c = np.clip(np.asarray(correlation, np.float64), 0, 0.9999)
    return np.asarray(-0.5 * pixels * np.log1p(-(c**2)))


def group_probabilities(
    correlation: NDArray[np.floating], share: NDArray[np.floating], pixels: float, calibration: Calibration
) -> NDArray[np.float64]:
    """Return probabilities (g,) over candidate groups that sum to one, of correlations (g,) and network shares (g,)."""
    score = calibration.match_weight * log_likelihood(correlation, pixels)
    score = score + calibration.network_weight * np.log(np.maximum(share, 1e-6))
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def evidence_of(similarity: NDArray[np.floating], correlation: NDArray[np.floating]) -> Evidence:
    """Sum up candidate groups' cosines (g,) and correlations (g,)."""
    gain = np.sort(log_likelihood(correlation, 100.0))[::-1]
    second = gain[1] if len(gain) > 1 else 0.0
    return Evidence(
        similarity=float(np.max(similarity)),
        correlation=float(np.max(correlation)),
        gain=float(gain[0] - np.median(gain)),
        margin=float(gain[0] - second),
    )


def known_probability(evidence: Evidence, calibration: Calibration) -> float:
    """Return the probability that the image's structure is in the index."""
    c = calibration
    z = c.offset + c.similarity * evidence.similarity + c.correlation * evidence.correlation
    z += c.gain * evidence.gain + c.margin * evidence.margin
    return 0.5 + 0.5 * math.tanh(z / 2)  # the logistic function, without overflow
