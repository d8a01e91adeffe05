"""What the images of a set say of the groups on a shortlist, in the form in which evidence is added up.

A row holds the logarithms of an image's shares of g groups and of "none of these". Single images were judged under even
odds among all groups of the index, a set is judged under even odds among its shortlist: shares are scaled by the number
of groups over g, so that what a row makes likelier stays what it was.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emsearch.search.answering import match_candidates, shortlist_scores, view_of
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import View
from emsearch.search.matching import MatchingSettings
from emsearch.search.proposal import Proposals
from emsearch.search.ranking import (
    evidence_of,
    group_probabilities,
    known_probability,
    particle_evidence,
)
from emsearch.search.target import Transfer

__all__ = ["Witness", "witness"]

Floats = NDArray[np.float64]

_LEAST_SHARE = 1e-9
"""No image rules out a group."""


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """What one matched image says of a shortlist, its row ``said`` (g + 1,), and the pose under each of the g groups.

    ``log_particle`` is the logarithm of how much likelier it is as a particle of one of them than as noise alone.
    """

    said: Floats
    log_particle: float
    views: tuple[View, ...]

    @property
    def first(self) -> int:
        """The place on the shortlist of the group that explains it best."""
        return int(self.said[:-1].argmax())


def witness(
    index: SearchIndex,
    image: Tensor,
    proposals: Proposals,
    k: int,
    shortlist: NDArray[np.int64],
    transfer: Transfer | None = None,
) -> Witness:
    """Match a bright-particle image (h, w), number k of ``proposals``, against a shortlist (g,)."""
    candidates = [proposals.candidate(index, k, group) for group in shortlist.tolist()]
    matched = match_candidates(index, image, candidates, MatchingSettings(), transfer)
    score = shortlist_scores(index, matched)
    similarity = np.array([proposals.similarity[k].max()])
    known = known_probability(evidence_of(similarity, [m.match for m in matched], score), index.calibration)
    place = {m.candidate.group: number for number, m in enumerate(matched)}
    order = [place[group] for group in shortlist.tolist()]
    among = float(proposals.share[k, shortlist].sum())  # the rest is the other groups'
    share = known * among * group_probabilities(score)[order]
    said = _row(share, 1 - known, len(index.groups))
    log_particle = particle_evidence([m.match for m in matched], index.calibration)
    return Witness(said, log_particle, tuple(view_of(matched[number]) for number in order))


def _row(share: Floats, none: float, groups: int) -> Floats:
    scaled = share * groups / len(share)
    return np.asarray(np.log(np.maximum([*scaled, none], _LEAST_SHARE)))
