"""From single queries to shares with their intervals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from emsearch.evaluation.intervals import wilson_interval
from emsearch.evaluation.queries import Query

__all__ = ["ALL_CLASSES", "PoseScore", "Score", "pose_scores", "scores_of"]

ALL_CLASSES = "all"
_RECALL = 20
_CLOSE_DEGREES = 10.0


@dataclass(frozen=True, slots=True)
class Score:
    """How often one way of answering was right.

    ``snr`` is inf where the images are clean; ``answer`` is "classifier", "vote", "network" (their mean, as searched),
    "re-ranked", or one of the ceilings; ``among`` how many groups could have been named; ``low`` and ``high`` are 95 %
    limits of top-1 and top-3 (Wilson); ``seconds_per_image`` is the median time that the answer took,
    as the first images of a run draw the coarse views that the others find ready.
    """

    set: str
    snr: float
    size_class: str
    answer: str
    among: int
    images: int
    top1: float
    top1_low: float
    top1_high: float
    top3: float
    top3_low: float
    top3_high: float
    recall_at_20: float
    seconds_per_image: float


@dataclass(frozen=True, slots=True)
class PoseScore:
    """Medians of the pose errors of the ``poses`` images whose group was named first after matching."""

    set: str
    snr: float
    size_class: str
    poses: int
    direction_median_degrees: float
    in_plane_median_degrees: float
    shift_median_angstrom: float
    direction_under_10_degrees: float


def _level(query: Query) -> tuple[str, float]:
    return query.set, query.snr


def _parts(queries: Iterable[Query], by_class: bool) -> Iterable[tuple[str, float, str, list[Query]]]:
    """Yield set, SNR, size class and queries: all classes together first, then each where asked for."""
    for (name, snr), run in groupby((q for q in queries if q.in_index), _level):
        part = list(run)
        yield name, snr, ALL_CLASSES, part
        for size_class in sorted({q.truth.size_class for q in part}) if by_class else ():
            yield name, snr, size_class, [q for q in part if q.truth.size_class == size_class]


def scores_of(queries: Sequence[Query], *, by_class: bool = False) -> list[Score]:
    """Return a score for each set, noise level and answer; with ``by_class`` for each size class besides.

    Queries whose group was struck are no part of it. Those of one set and level stand together.
    """
    return [
        _score(name, snr, size_class, answer, part)
        for name, snr, size_class, part in _parts(queries, by_class)
        for answer in part[0].answers
    ]


def _score(name: str, snr: float, size_class: str, answer: str, queries: Sequence[Query]) -> Score:
    n = len(queries)
    ranks = [rank for q in queries if (rank := q.answers[answer].rank) is not None]
    top1, top3, recalled = (sum(rank <= k for rank in ranks) for k in (1, 3, _RECALL))
    low1, high1 = wilson_interval(top1, n)
    low3, high3 = wilson_interval(top3, n)
    return Score(
        set=name,
        snr=snr,
        size_class=size_class,
        answer=answer,
        among=queries[0].among,
        images=n,
        top1=top1 / n,
        top1_low=low1,
        top1_high=high1,
        top3=top3 / n,
        top3_low=low3,
        top3_high=high3,
        recall_at_20=recalled / n,
        seconds_per_image=float(np.median([q.seconds[answer] for q in queries])),
    )


def pose_scores(queries: Sequence[Query], *, by_class: bool = False) -> list[PoseScore]:
    """Return the pose errors of each set and noise level where the right group came first at least once."""
    return [
        _pose_score(name, snr, size_class, part)
        for name, snr, size_class, part in _parts(queries, by_class)
        if any(q.pose for q in part)
    ]


def _pose_score(name: str, snr: float, size_class: str, queries: Sequence[Query]) -> PoseScore:
    errors = [q.pose for q in queries if q.pose]
    direction = np.array([e.direction_degrees for e in errors])
    return PoseScore(
        set=name,
        snr=snr,
        size_class=size_class,
        poses=len(errors),
        direction_median_degrees=float(np.median(direction)),
        in_plane_median_degrees=float(np.median([e.in_plane_degrees for e in errors])),
        shift_median_angstrom=float(np.median([e.shift_angstrom for e in errors])),
        direction_under_10_degrees=float(np.mean(direction < _CLOSE_DEGREES)),
    )
