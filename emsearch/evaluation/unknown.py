"""The set "unknown": images of every group, asked among all groups, with and without their own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from emsearch.evaluation.known import Judged, judge
from emsearch.evaluation.poses import PoseErrors
from emsearch.evaluation.queries import Asked, Named, Query, ask, query_of, truth_of
from emsearch.evaluation.sets import DrawnSet
from emsearch.evaluation.simulated import in_order_of_pixel_size
from emsearch.search.engine import SearchIndex
from emsearch.search.matching import MatchingSettings

__all__ = ["ask_unknown"]

Report = Callable[[str], None]


def ask_unknown(
    index: SearchIndex,
    drawn: Sequence[DrawnSet],
    rerank: int,
    seed: int,
    settings: MatchingSettings,
    errors: PoseErrors,
    report: Report = lambda line: None,
) -> tuple[list[Query], list[Judged]]:
    """Return the queries of every noise level, those as they are before those with their group struck, and the judgement.

    Probabilities are those of the fit to the other folds. Images whose group is the only one that may be named are left out.
    """
    found: list[tuple[DrawnSet, int, Asked]] = []
    for d in drawn:
        of_level = []
        among = frozenset(d.image_set.among)
        for k in in_order_of_pixel_size(d.images):
            truth = int(d.images.group[k])
            asked = ask(index, d.images, k, among, rerank=rerank, settings=settings, struck=truth)
            if len(asked.matched) > 1:
                of_level.append((d, k, asked))
        found += sorted(of_level, key=lambda entry: entry[1])
        report(f"unknown, {'clean' if np.isinf(d.snr) else f'SNR {d.snr:g}'}: {len(d.images)} images")
    asked_about = [(int(d.images.group[k]), d.snr, asked) for d, k, asked in found]
    classes = [group.size_class for group in index.groups]
    judged = judge(asked_about, index.calibration, classes, seed, report)
    whole = [
        replace(query_of(index, d, k, asked, errors), in_database_probability=j.as_is)
        for (d, k, asked), j in zip(found, judged, strict=True)
    ]
    struck = [_struck(index, d, k, asked, j) for (d, k, asked), j in zip(found, judged, strict=True)]
    return whole + struck, judged


def _struck(index: SearchIndex, drawn: DrawnSet, k: int, asked: Asked, judged: Judged) -> Query:
    """Return the query as it would be if the image's group were not in the index."""
    order = [asked.matched[j].candidate.group for j in np.argsort(-np.array(asked.score), kind="stable")]
    left = [group for group in order if group != judged.group]
    return Query(
        set=drawn.image_set.name,
        snr=drawn.snr,
        image=int(drawn.images.number[k]),
        in_index=False,
        among=len(drawn.image_set.among) - 1,
        truth=truth_of(index, drawn.images, k),
        answers={"re-ranked": Named(None, index.groups[left[0]].id)},
        in_database_probability=judged.struck,
        seconds={"re-ranked": asked.network_seconds + asked.rerank_seconds},
    )
