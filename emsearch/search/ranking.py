"""From votes and matches to probabilities, "none of these" among them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.search.matching import Match

__all__ = [
    "Calibration",
    "Evidence",
    "best_log_posterior",
    "evidence_of",
    "expectation",
    "group_probabilities",
    "group_scores",
    "known_probability",
    "particle_evidence",
    "particle_probability",
    "share_of_the_rest",
]

Floats = NDArray[np.float64]

_LEAST_SHARE = 1e-6  # of the network's: it can rule out no group
_PARTICLE_PRIOR = 0.9  # somebody took the picture, or boxed it, for one of a particle


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns evidence into probabilities; fitted on simulated images of the index's own structures.

    ``fit_weight`` multiplies the log-posterior of a fit, ``coarse_weight`` the evidence of the coarse search for what was
    not fitted, ``network_weight`` the log of the network's share. The probability that the image's structure is in the
    index is the logistic of ``offset`` plus the other weights times the features of `Evidence`; the negatives of that
    fit are the same images with their own group struck from the candidates. ``particle_offset`` and ``particle_slope``
    tell particles from noise by the log-posterior of the best fit; what stands for them where they were not fitted was set
    on thirty images of noise (docs/decisions/0009-stacks-and-sets.md). ``set_mass`` is that of `emsearch.search.undecided`.
    """

    fit_weight: float = 0.3
    coarse_weight: float = 0.3
    network_weight: float = 0.25
    offset: float = 0.0
    similarity: float = 0.0
    explained: float = 0.0
    misfit: float = 0.0
    clarity: float = 0.0
    strain: float = 0.0
    gain: float = 0.0
    margin: float = 0.0
    particle_offset: float = -4.2
    particle_slope: float = 0.2
    set_mass: float = 0.95

    def to_json(self) -> dict[str, float]:
        """Return plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Calibration":
        """Read what ``to_json`` gave."""
        return cls(**{f.name: float(values[f.name]) for f in fields(cls) if f.name in values})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answer to one image rests on.

    ``similarity`` is the best cosine to a view. Of the group that comes first: ``explained`` is the share of what is not
    noise that its projection explains, ``misfit`` the logarithm of what it leaves over the noise, ``gain`` that of the
    log-likelihood per hundred pixels that it gains over no particle, ``clarity`` the product of ``explained`` and
    ``gain`` (in noise the former says little), ``strain`` how far it was stretched and blurred to fit, and ``margin``
    the logarithm of the weighted log-posterior that it has over the second.
    """

    similarity: float
    explained: float
    misfit: float
    clarity: float
    strain: float
    gain: float
    margin: float


def expectation(share: Floats, calibration: Calibration) -> Floats:
    """Return what the network's shares (g,) add to the groups' log-probabilities."""
    return np.asarray(calibration.network_weight * np.log(np.maximum(share, _LEAST_SHARE)))


def group_scores(matches: Sequence[Match], share: Floats, calibration: Calibration) -> Floats:
    """Return the unnormalised log-probability of each match (g,), of which ``share`` (g,) is the network's.

    What was not fitted comes after what was, in the order of its coarse evidence.
    """
    fitted = np.array([m.fitted for m in matches])
    evidence = np.array([m.evidence for m in matches])
    network = expectation(share, calibration)
    coarse = calibration.coarse_weight * evidence + network
    if not fitted.any():
        return np.asarray(coarse)
    score = network + calibration.fit_weight * np.array(
        [m.log_posterior if m.fitted else 0.0 for m in matches]
    )
    if not fitted.all():
        below = coarse - coarse[~fitted].max()
        score = np.where(fitted, score, score[fitted].min() - 1.0 + below)
    return np.asarray(score)


def group_probabilities(score: Floats) -> Floats:
    """Return probabilities (g,) that sum to one, of log-probabilities (g,) up to a constant."""
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def evidence_of(similarity: Floats, matches: Sequence[Match], score: Floats) -> Evidence:
    """Sum up candidate groups' cosines (g,), and the matches and scores (m,) of those that were matched."""
    nearest = float(np.max(similarity))
    if not len(matches):
        return Evidence(nearest, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    order = np.argsort(-score, kind="stable")
    best = matches[int(order[0])]
    margin = float(score[order[0]] - score[order[1]]) if len(order) > 1 else 0.0
    c = min(max(best.correlation, 0.0), 0.9999)
    gain = math.log1p(-50.0 * math.log1p(-(c**2)))
    explained = float(np.clip(best.explained, -0.5, 1.5))
    return Evidence(
        similarity=nearest,
        explained=explained,
        misfit=float(np.clip(best.misfit, -1.0, 3.0)),
        clarity=explained * gain,
        strain=min(best.strain, 6.0),
        gain=gain,
        margin=math.log1p(margin),
    )


def known_probability(evidence: Evidence, calibration: Calibration) -> float:
    """Return the probability that the image's structure is in the index."""
    z = calibration.offset + sum(
        getattr(calibration, f.name) * getattr(evidence, f.name) for f in fields(evidence)
    )
    return 0.5 + 0.5 * math.tanh(z / 2)  # the logistic function, without overflow


def particle_evidence(matches: Sequence[Match], calibration: Calibration) -> float:
    """Return the log of how much likelier an image is as a particle of one of the matched groups than as noise alone.

    The log-posterior of a fit is over that of no particle, but the best of many fits to noise is above none.
    """
    best = best_log_posterior(matches)
    return calibration.particle_offset + calibration.particle_slope * best if math.isfinite(best) else 0.0


def particle_probability(matches: Sequence[Match], calibration: Calibration) -> float:
    """Return the probability that there is a particle in the image at all; the prior where nothing was fitted."""
    odds = math.log(_PARTICLE_PRIOR / (1 - _PARTICLE_PRIOR)) + particle_evidence(matches, calibration)
    return 0.5 + 0.5 * math.tanh(odds / 2)


def best_log_posterior(matches: Sequence[Match]) -> float:
    """Return the log-posterior of the best fit, minus infinity where nothing was fitted."""
    return max((m.log_posterior for m in matches if m.fitted), default=-math.inf)


def share_of_the_rest(share: float, known: float) -> float:
    """Return the probability that the image's structure is a group that was not matched, if it is in the index.

    ``share`` is what the network gives those groups, ``known`` the `known_probability`: that tells lists of matched
    groups with the right one in them from lists without, so that it speaks for or against the rest by Bayes' rule.

    >>> round(share_of_the_rest(0.05, 0.98), 4), share_of_the_rest(0.05, 0.5), share_of_the_rest(1.0, 0.9)
    (0.0011, 0.05, 1.0)
    """
    elsewhere, here = share * (1 - known), (1 - share) * known
    return elsewhere / (elsewhere + here) if here > 0 else 1.0
