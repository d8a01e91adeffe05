"""Which groups are taken for which, and whether they are the same shape."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.queries import Query
from emsearch.evaluation.sets import UNKNOWN
from emsearch.search.engine import SearchIndex
from emsearch_index.catalogue import Catalogue

__all__ = ["Confusion", "confused_pairs", "confusion_matrix"]

_RERANKED = "re-ranked"


@dataclass(frozen=True, slots=True)
class Confusion:
    """``count`` of the ``images`` of a group were taken for another, after matching.

    ``similarity`` is the overlap score of the two representatives as the catalogue has it, None where the pair was not
    compared: their sizes or masses differ, or neither is among the nearest of the other.
    """

    group: str
    representative: str
    taken_for: str
    taken_for_representative: str
    count: int
    images: int
    similarity: float | None


def _mistaken(queries: Sequence[Query]) -> Counter[tuple[str, str]]:
    """Count (group, taken for) of sets that are answered among the tested groups."""
    wrong: Counter[tuple[str, str]] = Counter()
    for q in queries:
        if q.set != UNKNOWN and q.answers[_RERANKED].first not in ("", q.truth.group):
            wrong[q.truth.group, q.answers[_RERANKED].first] += 1
    return wrong


def confused_pairs(index: SearchIndex, queries: Sequence[Query], most: int = 25) -> list[Confusion]:
    """Return the pairs of groups that are confused most often, over all sets but "unknown" and all noise levels."""
    images = Counter(q.truth.group for q in queries if q.set != UNKNOWN)
    pairs = []
    with Catalogue(index.generation.file("catalogue.duckdb")) as catalogue:
        for (group, other), count in sorted(_mistaken(queries).items(), key=lambda item: (-item[1], item[0]))[
            :most
        ]:
            a, b = (index.groups[index.number[name]].representative for name in (group, other))
            rows = catalogue.rows(
                "SELECT score FROM similarities WHERE structure_a = ? AND structure_b = ?", sorted((a, b))
            )
            similarity = float(rows[0]["score"]) if rows else None
            pairs.append(Confusion(group, a, other, b, count, images[group], similarity))
    return pairs


def confusion_matrix(queries: Sequence[Query], most: int = 40) -> tuple[list[str], NDArray[np.int64]]:
    """Return the groups that are confused most often, and how often each (row) is taken for each (column), itself too."""
    involved: Counter[str] = Counter()
    for (group, other), count in _mistaken(queries).items():
        involved.update({group: count, other: count})
    names = sorted(name for name, _ in involved.most_common(most))
    place = {name: k for k, name in enumerate(names)}
    matrix = np.zeros((len(names), len(names)), np.int64)
    for q in queries:
        first = q.answers[_RERANKED].first
        if q.set != UNKNOWN and q.truth.group in place and first in place:
            matrix[place[q.truth.group], place[first]] += 1
    return names, matrix
