"""Shape groups: complete linkage over the pairs that were compared.

Two groups may be joined only where every pair across them reaches the threshold, so that no chain of small
differences puts unlike shapes together; a pair that was not compared counts as 0. Joined first is always
the pair of groups whose least similar members are most alike (D. Defays, Comput. J. 20:364, 1977).
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.errors import ShapeError

__all__ = ["ShapeGroup", "cluster_shapes"]

DEFAULT_THRESHOLD = 0.90

_Links = dict[int, dict[int, float]]


@dataclass(frozen=True, slots=True)
class ShapeGroup:
    """Structures of one shape.

    Attributes
    ----------
    medoid : str
        The member with the highest mean score to the others.
    members : tuple of str
        Ids in order, the medoid among them.
    similarities : tuple of float
        Score of each member with the medoid; 1 for the medoid itself.
    """

    medoid: str
    members: tuple[str, ...]
    similarities: tuple[float, ...]


def cluster_shapes(
    ids: Sequence[str],
    pairs: NDArray[np.int64],
    scores: NDArray[np.float64],
    threshold: float = DEFAULT_THRESHOLD,
) -> list[ShapeGroup]:
    """Group structures by complete linkage at a threshold.

    Parameters
    ----------
    ids : sequence of n different str
    pairs : int64 (p, 2)
        Positions in ``ids`` of the pairs that were compared, each pair once.
    scores : float64 (p,)
    threshold : float
        In (0, 1].

    Returns
    -------
    list of ShapeGroup
        Largest first, then by medoid. The same whatever the order of ids and pairs; equal scores go by id.

    Raises
    ------
    ShapeError
        Where ids or pairs repeat, array shapes disagree, a position is out of range or the threshold is not
        in (0, 1].
    """
    _check(ids, pairs, scores, threshold)
    order = sorted(range(len(ids)), key=lambda k: ids[k])
    names = [ids[k] for k in order]
    rank = np.empty(len(ids), np.int64)
    rank[order] = np.arange(len(ids))
    links = _links_at(len(ids), rank[pairs], scores, threshold)
    clusters = _complete_linkage({k: dict(row) for k, row in links.items()})
    groups = [_group(names, members, links) for members in clusters]
    return sorted(groups, key=lambda group: (-len(group.members), group.medoid))


def _check(
    ids: Sequence[str], pairs: NDArray[np.int64], scores: NDArray[np.float64], threshold: float
) -> None:
    if not 0.0 < threshold <= 1.0:
        raise ShapeError(
            f"found a similarity threshold of {threshold:g} where a number in (0, 1] was expected; give one"
        )
    if len(set(ids)) != len(ids):
        raise ShapeError(
            f"found {len(ids) - len(set(ids))} repeated structure ids where all must differ; rename them"
        )
    if pairs.shape != (len(scores), 2):
        raise ShapeError(
            f"found pairs of shape {pairs.shape} where ({len(scores)}, 2) was expected for as many scores; "
            "give one score for each pair"
        )
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= len(ids) or np.any(pairs[:, 0] == pairs[:, 1])):
        raise ShapeError(
            f"found pairs that are not two of the {len(ids)} structures; give positions in the list of ids"
        )
    if len(np.unique(pairs.min(axis=1, initial=len(ids)) * len(ids) + pairs.max(axis=1, initial=0))) != len(
        pairs
    ):
        raise ShapeError(
            "found a pair of structures scored twice where once was expected; keep one score for it"
        )


def _links_at(count: int, pairs: NDArray[np.int64], scores: NDArray[np.float64], threshold: float) -> _Links:
    """Return for each structure those it agrees with, and the scores."""
    links: _Links = {k: {} for k in range(count)}
    kept = scores >= threshold
    for (i, j), score in zip(pairs[kept].tolist(), scores[kept].tolist(), strict=True):
        links[i][j] = score
        links[j][i] = score
    return links


def _complete_linkage(links: _Links) -> list[list[int]]:
    """Join groups until none can be; a group goes by its least member, and ``links`` is used up.

    Links below the threshold are not in the table: two groups are linked only while all their members agree.
    """
    members = {k: [k] for k in links}
    queue = [(-score, i, j) for i, row in links.items() for j, score in row.items() if i < j]
    heapq.heapify(queue)
    while queue:
        negative, i, j = heapq.heappop(queue)
        if j not in links or links.get(i, {}).get(j) != -negative:
            continue  # one of the two was joined to another since, or their link grew weaker
        gone = links.pop(j)
        members[i] += members.pop(j)
        for k, score in list(links[i].items()):
            if k == j or k not in gone:
                del links[i][k]
                links.get(k, {}).pop(i, None)
            elif gone[k] < score:
                links[i][k] = links[k][i] = gone[k]
                heapq.heappush(queue, (-gone[k], min(i, k), max(i, k)))
        for k in gone:
            if k != i:
                links[k].pop(j)
    return [sorted(group) for group in members.values()]


def _group(names: list[str], members: list[int], links: _Links) -> ShapeGroup:
    """Choose the medoid; every pair of a group was compared, so that all its scores are there."""
    mean = {i: sum(links[i][j] for j in members if j != i) for i in members}
    medoid = max(members, key=lambda i: (mean[i], -i))
    return ShapeGroup(
        names[medoid],
        tuple(names[i] for i in members),
        tuple(1.0 if i == medoid else links[medoid][i] for i in members),
    )
