"""Neighbours to groups: how much each shape group's views speak for an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARPNESS", "Votes", "count_votes"]

SHARPNESS = 20.0
"""A neighbour's weight is exp(sharpness x cosine): a tenth of cosine is worth a factor of seven."""


@dataclass(frozen=True, slots=True)
class Votes:
    """Groups that have a view among the neighbours, best first.

    ``share`` sums to one over the groups; ``similarity`` is the cosine of each group's nearest view, ``vector_id`` its
    place in the class's vectors.
    """

    group: NDArray[np.int64]
    share: NDArray[np.float64]
    similarity: NDArray[np.float64]
    vector_id: NDArray[np.int64]


def count_votes(
    similarity: NDArray[np.float32], vector_id: NDArray[np.int64], group_of_vector: NDArray[np.int64]
) -> Votes:
    """Count the neighbours of one image (or of several copies of it) by group.

    Parameters
    ----------
    similarity, vector_id : (k,) or (copies, k)
        As the vectors' search returns them; ids below zero are padding.
    group_of_vector : int64 (vectors,)

    Returns
    -------
    Votes
        A group's share is that of its weighted neighbours; ties go by group number.
    """
    ids, cosine = vector_id.ravel(), similarity.ravel().astype(np.float64)
    ids, cosine = ids[vector_id.ravel() >= 0], cosine[vector_id.ravel() >= 0]
    group = group_of_vector[ids]
    weight = np.exp(SHARPNESS * (cosine - cosine.max(initial=-1.0)))
    names, place = np.unique(group, return_inverse=True)
    share = np.bincount(place, weight, len(names))
    nearest = np.full(len(names), -1, np.int64)
    for k in np.argsort(cosine, kind="stable"):
        nearest[place[k]] = k
    order = np.lexsort((names, -share))
    return Votes(
        group=names[order],
        share=share[order] / share.sum(),
        similarity=cosine[nearest[order]],
        vector_id=ids[nearest[order]],
    )
