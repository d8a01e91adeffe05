"""Fitting the probabilities of an index on simulated images of its own structures.

Each image is answered twice: as it is, and with its own group struck from the candidates, which is how an image of a
molecule that is not in the index looks to the search. The same poses serve both. Images of noise alone say how well the
best of many fits explains nothing at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from emsearch.evaluation.noise_alone import NOISE_SNR
from emsearch.evaluation.simulated import (
    BOXES,
    STAIN,
    SimulatedImages,
    draw_images,
    in_order_of_pixel_size,
)
from emsearch.evaluation.size_classes import fit_size_classes
from emsearch.imaging.parameters import ParameterRanges
from emsearch.search.answering import Matched, match_candidates
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import Match, MatchingSettings
from emsearch.search.proposal import propose
from emsearch.search.ranking import (
    Calibration,
    Evidence,
    best_log_posterior,
    evidence_of,
    group_probabilities,
    group_scores,
    known_probability,
    particle_probability,
    share_of_the_rest,
)
from emsearch.search.shortlist import shortlist
from emsearch.search.size_class import SizeClassModel
from emsearch.search.undecided import conformal_mass, mass_before

__all__ = [
    "Case",
    "calibrate",
    "case_of",
    "collect_cases",
    "fit_calibration",
    "fit_particle",
    "noise_fits",
    "with_particle_of",
]

_LOOKED_AT = 20  # images that the network looks at for one that is matched
_NOISE_SHARE = 3  # one image of noise for so many of particles
_POSTERIOR_UNIT = 10.0  # of log-posteriors, for the fit

_ODD = 0.02  # of images of noise, or of particles, may look like the other kind
_MISTAKEN = 0.05  # of all images may be explained by a wrong group however sure the match is: no single one rules the fit


@dataclass(frozen=True, slots=True)
class Case:
    """One image: matches, shares (g,) and cosines (g,) of its candidates, and which of them is right (-1: none)."""

    matches: tuple[Match, ...]
    share: NDArray[np.float64]
    similarity: NDArray[np.float64]
    right: int

    def without_right(self) -> "Case":
        """Return the case as it would be if the right group were not in the index."""
        keep = [k for k in range(len(self.matches)) if k != self.right]
        return Case(tuple(self.matches[k] for k in keep), self.share[keep], self.similarity[keep], -1)

    def probabilities(self, calibration: Calibration) -> NDArray[np.float64]:
        """Return the probability (g,) of each candidate, if the structure is in the index; the rest is other groups'."""
        found = group_probabilities(group_scores(self.matches, self.share, calibration))
        known = known_probability(self.evidence(calibration), calibration)
        left = share_of_the_rest(max(0.0, 1 - float(self.share.sum())), known)
        return np.asarray(found * (1 - left))

    def in_database_probability(self, calibration: Calibration) -> float:
        """Return the probability that the image shows a particle and its structure is in the index."""
        known = known_probability(self.evidence(calibration), calibration)
        return known * particle_probability(self.matches, calibration)

    def evidence(self, calibration: Calibration) -> Evidence:
        """Return what the answer would rest on."""
        score = group_scores(self.matches, self.share, calibration)
        return evidence_of(self.similarity, self.matches, score)


def case_of(matched: Sequence[Matched], truth: int) -> Case:
    """Return the case of an image of which candidates were matched; ``truth`` numbers its group in the index."""
    named = [m.candidate.group for m in matched]
    return Case(
        matches=tuple(m.match for m in matched),
        share=np.array([m.candidate.share for m in matched]),
        similarity=np.array([m.candidate.similarity for m in matched]),
        right=named.index(truth) if truth in named else -1,
    )


def collect_cases(
    index: SearchIndex, images: int, seed: int, report: Callable[[str], None] = lambda line: None
) -> list[Case]:
    """Search images of all groups and noise levels, half of them in plain stain, and keep what the fit needs."""
    every = range(len(index.groups))
    plain = images // 2
    drawn = [
        draw_images(index, every, ranges, count, of_seed, box_over_dmax=BOXES)
        for ranges, count, of_seed in ((ParameterRanges(), images - plain, seed), (STAIN, plain, seed + 1))
        if count
    ]
    cases: list[Case] = []
    for test in drawn:
        for k in in_order_of_pixel_size(test):
            truth = int(test.group[k])
            case = case_of(_matched(index, test, k, struck=truth), truth)
            if len(case.matches) > 1:  # else the only group of its size: nothing that could be taken for it
                cases.append(case)
        report(f"calibration: {len(cases)} of {images} images")
    return cases


def _matched(index: SearchIndex, test: SimulatedImages, k: int, struck: int | None = None) -> list[Matched]:
    proposal = propose(index, test.images[k], float(test.pixel_size_angstrom[k]))
    candidates = shortlist(proposal.candidates, struck=struck)
    return match_candidates(index, test.images[k], candidates, MatchingSettings())


def noise_fits(index: SearchIndex, images: int, seed: int) -> list[float]:
    """Return the log-posterior of the best fit to each of some images of noise."""
    noise = draw_images(
        index,
        range(len(index.groups)),
        ParameterRanges(),
        images,
        seed,
        snr=NOISE_SNR,
        box_over_dmax=BOXES,
    )
    return [
        best_log_posterior([m.match for m in _matched(index, noise, k)])
        for k in in_order_of_pixel_size(noise)
    ]


def fit_particle(calibration: Calibration, particle: Sequence[float], noise: Sequence[float]) -> Calibration:
    """Fit the logistic of "a particle" on best log-posteriors of particles and of noise, both kinds alike many.

    Coarse grain in a small picture can look like a particle by any measure; a few such images do not rule the fit.
    """
    best = np.array([*particle, *noise])
    sign = np.repeat([1.0, -1.0], [len(particle), len(noise)])
    finite = np.isfinite(best)
    best, sign = best[finite] / _POSTERIOR_UNIT, sign[finite]
    if not (np.any(sign > 0) and np.any(sign < 0)):
        return calibration

    def cost(weights: NDArray[np.float64]) -> float:
        right = expit(sign * (weights[0] + weights[1] * best))
        surprise = -np.log((1 - _ODD) * right + _ODD / 2)
        both = surprise[sign > 0].mean() + surprise[sign < 0].mean()
        return float(both + 1e-3 * weights[1] ** 2)

    offset, slope = minimize(cost, np.zeros(2)).x.tolist()
    return replace(calibration, particle_offset=offset, particle_slope=slope / _POSTERIOR_UNIT)


def with_particle_of(calibration: Calibration, other: Calibration) -> Calibration:
    """Return a calibration that tells particles from noise as another one does."""
    return replace(calibration, particle_offset=other.particle_offset, particle_slope=other.particle_slope)


def _group_cost(weights: NDArray[np.float64], cases: Sequence[Case]) -> float:
    fit, coarse, network = np.exp(weights).tolist()
    calibration = Calibration(fit_weight=fit, coarse_weight=coarse, network_weight=network)
    found = [group_probabilities(group_scores(c.matches, c.share, calibration)) for c in cases]
    chance = [(1 - _MISTAKEN) * p[c.right] + _MISTAKEN / len(p) for p, c in zip(found, cases, strict=True)]
    return float(-np.mean(np.log(chance)))


def _known_cost(
    weights: NDArray[np.float64], features: NDArray[np.float64], sign: NDArray[np.float64]
) -> float:
    return float(np.mean(np.logaddexp(0, -sign * (features @ weights))) + 1e-3 * np.sum(weights[1:] ** 2))


def fit_calibration(cases: Sequence[Case]) -> Calibration:
    """Fit the weights of match and network by maximum likelihood, the logistic of "in the database", and the set's mass.

    Where no case names the right group among others, as in an index of one group a size class, there is nothing to
    fit and the weights stay as `Calibration` has them.
    """
    decided = [c for c in cases if c.right >= 0]
    if not decided:
        return Calibration()
    start = Calibration()
    first = np.log([start.fit_weight, start.coarse_weight, start.network_weight])
    found = np.exp(minimize(_group_cost, first, args=(decided,), method="Nelder-Mead").x).tolist()
    weighted = Calibration(fit_weight=found[0], coarse_weight=found[1], network_weight=found[2])
    evidence = np.array(
        [astuple(c.evidence(weighted)) for c in cases]
        + [astuple(c.without_right().evidence(weighted)) for c in cases]
    )
    features = np.concatenate([np.ones((len(evidence), 1)), evidence], axis=1)
    sign = np.repeat([1.0, -1.0], len(cases))
    names = ["offset", *(f.name for f in fields(Evidence))]
    found = minimize(_known_cost, np.zeros(len(names)), args=(features, sign)).x.tolist()
    fitted = replace(weighted, **dict(zip(names, found, strict=True)))
    mass = conformal_mass([mass_before(c.probabilities(fitted), c.right) for c in cases])
    return replace(fitted, set_mass=mass)


def calibrate(
    index: SearchIndex, images: int = 300, seed: int = 1, report: Callable[[str], None] = lambda line: None
) -> tuple[SizeClassModel, Calibration]:
    """Return which size class a picture shows, and the calibration of an index that judges by it.

    The first is fitted on twenty times ``images`` simulated images, which the network alone looks at, the second on
    ``images`` that are matched, and a third as many of noise.
    """
    model = fit_size_classes(index, _LOOKED_AT * images, seed, report)
    judging = index.with_size_class_model(model)
    cases = collect_cases(judging, images, seed, report)
    noise = noise_fits(judging, max(1, images // _NOISE_SHARE), seed)
    report(f"calibration: {len(noise)} images of noise")
    found = fit_particle(fit_calibration(cases), [best_log_posterior(c.matches) for c in cases], noise)
    return model, found
