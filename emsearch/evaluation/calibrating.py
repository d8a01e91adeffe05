"""Fitting the probabilities of an index on simulated images of its own structures.

Each image is answered twice: as it is, and with its own group struck from the candidates, which is how an image of a
molecule that is not in the index looks to the search. The same poses serve both.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from emsearch.evaluation.simulated import draw_images
from emsearch.imaging.parameters import ParameterRanges
from emsearch.search.answering import Matched, match_candidates
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings
from emsearch.search.proposal import propose
from emsearch.search.ranking import Calibration, Evidence, evidence_of, group_probabilities

__all__ = ["Case", "calibrate", "collect_cases", "fit_calibration"]

SHORTLIST = 20


@dataclass(frozen=True, slots=True)
class Case:
    """One image: candidates' correlations and shares, which of them is right (-1: none), and the evidence both ways."""

    correlation: NDArray[np.float64]
    share: NDArray[np.float64]
    pixels: float
    right: int
    known: Evidence
    unknown: Evidence


def _evidence(matched: Sequence[Matched]) -> Evidence:
    return evidence_of(
        np.array([m.candidate.similarity for m in matched]), np.array([m.pose.correlation for m in matched])
    )


def collect_cases(
    index: SearchIndex, images: int, seed: int, report: Callable[[str], None] = lambda line: None
) -> list[Case]:
    """Search images of all groups and noise levels and keep what the fit needs."""
    test = draw_images(index, range(len(index.groups)), ParameterRanges(), images, seed)
    cases = []
    for k in range(images):
        candidates = propose(index, test.images[k], float(test.pixel_size_angstrom[k])).candidates[
            : SHORTLIST + 1
        ]
        matched = match_candidates(index, test.images[k], candidates, MatchingSettings())
        truth = int(test.group[k])
        first, others = matched[:SHORTLIST], [m for m in matched if m.candidate.group != truth][:SHORTLIST]
        if not others:
            continue  # the only group of its size: nothing that could be taken for it
        named = [m.candidate.group for m in first]
        cases.append(
            Case(
                correlation=np.array([m.pose.correlation for m in first]),
                share=np.array([m.candidate.share for m in first]),
                pixels=float(np.mean([m.pixels for m in first])),
                right=named.index(truth) if truth in named else -1,
                known=_evidence(first),
                unknown=_evidence(others),
            )
        )
        if (k + 1) % 50 == 0:
            report(f"calibration: {k + 1} of {images} images")
    return cases


def _group_cost(weights: NDArray[np.float64], cases: Sequence[Case]) -> float:
    calibration = Calibration(
        match_weight=float(np.exp(weights[0])), network_weight=float(np.exp(weights[1]))
    )
    chance = [group_probabilities(c.correlation, c.share, c.pixels, calibration)[c.right] for c in cases]
    return float(-np.mean(np.log(np.maximum(chance, 1e-12))))


def _known_cost(
    weights: NDArray[np.float64], features: NDArray[np.float64], sign: NDArray[np.float64]
) -> float:
    return float(np.mean(np.logaddexp(0, -sign * (features @ weights))) + 1e-3 * np.sum(weights[1:] ** 2))


def fit_calibration(cases: Sequence[Case]) -> Calibration:
    """Fit the weights of match and network by maximum likelihood, then the logistic of "in the database".

    Where no case names the right group among others, as in an index of one group a size class, there is nothing to
    fit and the weights stay as `Calibration` has them.
    """
    decided = [c for c in cases if c.right >= 0]
    if not decided:
        return Calibration()
    match, network = np.exp(
        minimize(_group_cost, np.log([0.02, 0.5]), args=(decided,), method="Nelder-Mead").x
    )
    evidence = np.array([astuple(c.known) for c in cases] + [astuple(c.unknown) for c in cases])
    features = np.concatenate([np.ones((len(evidence), 1)), evidence], axis=1)
    sign = np.repeat([1.0, -1.0], len(cases))
    offset, similarity, correlation, gain, margin = minimize(
        _known_cost, np.zeros(5), args=(features, sign)
    ).x
    return Calibration(
        match_weight=float(match),
        network_weight=float(network),
        offset=float(offset),
        similarity=float(similarity),
        correlation=float(correlation),
        gain=float(gain),
        margin=float(margin),
    )


def calibrate(
    index: SearchIndex, images: int = 300, seed: int = 1, report: Callable[[str], None] = lambda line: None
) -> Calibration:
    """Return the calibration of an index, from ``images`` simulated images."""
    return fit_calibration(collect_cases(index, images, seed, report))
