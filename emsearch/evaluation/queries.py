"""One image, asked in every way: where the right group ranks in each answer, and what else came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from emsearch.evaluation.calibrating import case_of
from emsearch.evaluation.poses import PoseError, PoseErrors
from emsearch.evaluation.sets import DrawnSet
from emsearch.evaluation.simulated import SimulatedImages
from emsearch.search.answering import Matched, match_candidates, shortlist_scores
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings
from emsearch.search.proposal import Candidate, propose
from emsearch.search.shortlist import shortlist
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["ANSWERS", "Asked", "Named", "Query", "Truth", "ask", "named", "query_of", "truth_of"]

ANSWERS = ("classifier", "vote", "network", "re-ranked")
"""Ways of answering: the network's two, their mean as it is searched, and the matched groups."""


@dataclass(frozen=True, slots=True)
class Named:
    """What one way of answering says: the group it puts first, and the rank of the right one, from 1.

    ``rank`` is None where the right group is not among those ranked, ``first`` empty where none is.
    """

    rank: int | None
    first: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What an image shows: ``direction`` is that of the beam in the structure's own frame."""

    group: str
    structure: str
    rmsd_angstrom: float
    size_class: str
    quaternion: tuple[float, ...]
    direction: tuple[float, ...]
    in_plane_degrees: float
    shift_angstrom: tuple[float, ...]
    fill: float
    magnification: float
    resolution_angstrom: float


@dataclass(frozen=True, slots=True)
class Query:
    """One test image of a set, ``image`` counted from 0 in it, and what came of it.

    ``in_index`` is False where its group was struck from the candidates; ``among`` is how many groups could have been
    named; the pose is there where the right group came first.
    """

    set: str
    snr: float
    image: int
    in_index: bool
    among: int
    truth: Truth
    answers: Mapping[str, Named]
    in_database_probability: float
    matched_structure: str | None = None
    pose: PoseError | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """The candidates of one image that may be named, best first, and those matched with their log-scores."""

    candidates: tuple[Candidate, ...]
    matched: tuple[Matched, ...]
    score: tuple[float, ...]
    network_seconds: float
    rerank_seconds: float


def ask(
    index: SearchIndex,
    test: SimulatedImages,
    k: int,
    among: frozenset[int],
    *,
    rerank: int,
    settings: MatchingSettings,
    struck: int | None = None,
) -> Asked:
    """Let network and matching look at image k of a set; ``struck`` is that of the shortlist."""
    start = time.perf_counter()
    proposal = propose(index, test.images[k], float(test.pixel_size_angstrom[k]))
    candidates = tuple(c for c in proposal.candidates if c.group in among)
    proposed = time.perf_counter()
    short = shortlist(candidates, rerank, struck)
    matched = match_candidates(index, test.images[k], short, settings) if short else []
    score = shortlist_scores(index, matched).tolist() if matched else []
    return Asked(candidates, tuple(matched), tuple(score), proposed - start, time.perf_counter() - proposed)


def truth_of(index: SearchIndex, test: SimulatedImages, k: int) -> Truth:
    """Return what is true of image k of a set."""
    p, subject = test.parameters, test.subject[k]
    quaternion = p.quaternion[k].astype(np.float64)
    return Truth(
        group=index.groups[subject.group].id,
        structure=subject.structure,
        rmsd_angstrom=subject.rmsd_angstrom,
        size_class=index.groups[subject.group].size_class,
        quaternion=tuple(quaternion.tolist()),
        direction=tuple(quaternions_to_matrices(quaternion)[2].tolist()),
        in_plane_degrees=float(np.degrees(2 * np.arctan2(quaternion[3], quaternion[0])) % 360.0),
        shift_angstrom=tuple(p.shift_angstrom[k].tolist()),
        fill=float(p.fill[k]),
        magnification=float(p.magnification[k]),
        resolution_angstrom=float(p.resolution_angstrom[k]),
    )


def named(index: SearchIndex, order: Sequence[int], truth: int) -> Named:
    """Return what an order of groups, best first, says of an image of group ``truth``."""
    rank = order.index(truth) + 1 if truth in order else None
    return Named(rank, index.groups[order[0]].id if order else "")


def _by_share(candidates: Sequence[Candidate], share: Callable[[Candidate], float]) -> list[int]:
    return [c.group for c in sorted(candidates, key=lambda c: (-share(c), c.group))]


def query_of(index: SearchIndex, drawn: DrawnSet, k: int, asked: Asked, errors: PoseErrors) -> Query:
    """Sum up what came of image k of a set."""
    test = drawn.images
    truth = int(test.group[k])
    order = np.argsort(-np.array(asked.score), kind="stable").tolist()
    orders = (
        _by_share(asked.candidates, lambda c: c.classifier),
        _by_share(asked.candidates, lambda c: c.vote),
        [c.group for c in asked.candidates],
        [asked.matched[j].candidate.group for j in order],
    )
    best = asked.matched[order[0]] if order else None
    right = best is not None and best.candidate.group == truth
    both = asked.network_seconds + asked.rerank_seconds
    return Query(
        set=drawn.image_set.name,
        snr=drawn.snr,
        image=int(test.number[k]),
        in_index=True,
        among=len(drawn.image_set.among),
        truth=truth_of(index, test, k),
        answers={answer: named(index, o, truth) for answer, o in zip(ANSWERS, orders, strict=True)},
        in_database_probability=_known(index, asked, truth),
        matched_structure=best.candidate.structure if best else None,
        pose=_pose_error(test, k, best, errors) if best is not None and right else None,
        seconds={a: both if a == "re-ranked" else asked.network_seconds for a in ANSWERS},
    )


def _known(index: SearchIndex, asked: Asked, truth: int) -> float:
    """Return the probability, by the index's own calibration, that the image's structure is in it."""
    if not asked.matched:
        return 0.0
    return case_of(asked.matched, truth).in_database_probability(index.calibration)


def _pose_error(test: SimulatedImages, k: int, best: Matched, errors: PoseErrors) -> PoseError | None:
    p = test.parameters
    pixel = float(test.pixel_size_angstrom[k])
    return errors.error(test.subject[k], p.quaternion[k], p.shift_angstrom[k], best, pixel)
