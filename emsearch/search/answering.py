"""One image to one answer: propose, match, weigh, and say how likely "none of these" is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emsearch.search.engine import SearchIndex
from emsearch.search.framed_target import framed_targets
from emsearch.search.hits import Hit, View
from emsearch.search.matching import Match, MatchingSettings, match
from emsearch.search.proposal import Candidate, Proposal, propose
from emsearch.search.ranking import (
    Evidence,
    evidence_of,
    expectation,
    group_probabilities,
    group_scores,
    known_probability,
    particle_probability,
    share_of_the_rest,
)
from emsearch.search.shortlist import SHORTLIST, shortlist
from emsearch.search.target import Transfer
from emsearch.search.undecided import undecided
from emsearch.search.vote import NOT_NEAR

__all__ = [
    "Matched",
    "Reply",
    "answer_image",
    "answer_proposal",
    "match_candidates",
    "shortlist_scores",
    "view_of",
]


@dataclass(frozen=True, slots=True)
class Reply:
    """What one image says: ranked hits, the probability that its structure is in the index, and the evidence.

    ``particle_probability`` is that of there being a particle at all, without which nothing can be in the index.

    ``undecided`` are the groups among which the image cannot decide, best first: if the structure is in the index, it is in
    one of them as often as `emsearch.search.undecided` promises.
    """

    in_database_probability: float
    particle_probability: float
    hits: tuple[Hit, ...]
    undecided: tuple[str, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Matched:
    """A candidate and its match, in px of the sampling it was matched at: ``scale`` of them in one of the image."""

    candidate: Candidate
    match: Match
    scale: float


def match_candidates(
    index: SearchIndex,
    image: Tensor,
    candidates: Sequence[Candidate],
    settings: MatchingSettings,
    transfer: Transfer | None = None,
) -> list[Matched]:
    """Match candidates, each at the pixel size it was proposed for; the order may change.

    ``transfer`` is what the microscope leaves of projections in the image, all of them where there is none.

    What is fitted is chosen among all of them, by coarse evidence and the network's share, each with its calibrated weight.
    """
    by_pixel: dict[float, list[Candidate]] = {}
    for c in candidates:
        by_pixel.setdefault(c.sampling.image_pixel_size_angstrom, []).append(c)
    targets, scale = framed_targets(image, list(by_pixel), index.classes[0].box_px, transfer)
    share = np.array([c.share for group in by_pixel.values() for c in group])
    matches = match(
        [(t, [c.structure for c in group]) for t, group in zip(targets, by_pixel.values(), strict=True)],
        index.coarse,
        expectation=expectation(share, index.calibration) / index.calibration.coarse_weight,
        settings=settings,
    )
    return [
        Matched(c, m, scale)
        for group, of_group in zip(by_pixel.values(), matches, strict=True)
        for c, m in zip(group, of_group, strict=True)
    ]


def view_of(matched: Matched) -> View:
    """Return the pose of a match, in pixels of the image as given."""
    pose, candidate = matched.match.pose, matched.candidate
    w, x, y, z = pose.quaternion.tolist()
    return View(
        structure=candidate.structure,
        quaternion=(w, x, y, z),
        in_plane_degrees=pose.in_plane_degrees,
        shift_px=(pose.shift_px[0] / matched.scale, pose.shift_px[1] / matched.scale),
        mirror=False,
        fill=pose.fill,
        correlation=matched.match.correlation,
    )


def _hit(index: SearchIndex, rank: int, candidate: Candidate, probability: float, view: View | None) -> Hit:
    group = index.groups[candidate.group]
    return Hit(
        rank=rank,
        group=group.id,
        representative=group.representative,
        title=group.title,
        members=group.members,
        probability=probability,
        similarity=None if candidate.similarity == NOT_NEAR else candidate.similarity,
        mass_kda=group.mass_kda,
        dmax_angstrom=group.dmax_angstrom,
        size_class=group.size_class,
        view=view,
    )


def shortlist_scores(index: SearchIndex, matched: Sequence[Matched]) -> NDArray[np.float64]:
    """Return log-probabilities (m,) of matched candidates up to a constant, of match and network together."""
    share = np.array([m.candidate.share for m in matched])
    return group_scores([m.match for m in matched], share, index.calibration)


def answer_image(
    index: SearchIndex,
    image: Tensor,
    pixel_size_angstrom: float | None,
    *,
    top: int = 5,
    rerank: int = SHORTLIST,
    settings: MatchingSettings | None = None,
) -> Reply:
    """Answer one bright-particle image (h, w).

    The probabilities of all groups and of "none of these" sum to one: groups that are not matched share among
    themselves what the network gives them and the match leaves them (`share_of_the_rest`).
    """
    proposal = propose(index, image, pixel_size_angstrom)
    return answer_proposal(index, image, proposal, top=top, rerank=rerank, settings=settings)


def answer_proposal(
    index: SearchIndex,
    image: Tensor,
    proposal: Proposal,
    *,
    top: int = 5,
    rerank: int = SHORTLIST,
    settings: MatchingSettings | None = None,
    transfer: Transfer | None = None,
) -> Reply:
    """Answer an image whose proposal is there already, matched through a ``transfer`` where one is known.

    At most ``rerank`` groups are matched, fewer where the network is sure (`emsearch.search.shortlist`); 0 leaves it to
    the network alone.
    """
    short = shortlist(proposal.candidates, rerank) if rerank else []
    rest = proposal.candidates[len(short) :]
    settings = settings or MatchingSettings()
    matched = match_candidates(index, image, short, settings, transfer) if short else []
    score = shortlist_scores(index, matched) if matched else np.zeros(0)
    evidence = evidence_of(np.array([proposal.similarity]), [m.match for m in matched], score)
    known = known_probability(evidence, index.calibration)
    particle = particle_probability([m.match for m in matched], index.calibration)
    unmatched = float(proposal.rest_share.sum()) + sum(c.share for c in rest)
    left = share_of_the_rest(min(unmatched, 1.0), known)
    thinned = left / max(unmatched, 1e-12)
    ranked: list[tuple[float, Candidate, View | None]] = [(thinned * c.share, c, None) for c in rest]
    if matched:
        chance = group_probabilities(score) * (1 - left)
        ranked += [(float(p), m.candidate, view_of(m)) for p, m in zip(chance, matched, strict=True)]
    ranked.sort(key=lambda entry: (entry[2] is None, -entry[0]))
    hits = tuple(
        _hit(index, k, c, particle * known * p, view) for k, (p, c, view) in enumerate(ranked[:top], start=1)
    )
    chances = np.concatenate([[p for p, _, _ in ranked], thinned * proposal.rest_share])
    groups = [c.group for _, c, _ in ranked] + proposal.rest_group.tolist()
    among = undecided(chances, index.calibration.set_mass).tolist()
    return Reply(particle * known, particle, hits, tuple(index.groups[groups[k]].id for k in among), evidence)
