"""Neighbours to groups: how much each shape group's views speak for an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOT_NEAR", "SHARPNESS", "Votes", "count_votes"]

SHARPNESS = 20.0
"""A neighbour's weight is exp(sharpness x cosine): a tenth of cosine is worth a factor of seven."""

NOT_NEAR = -1.0
"""The similarity of a group that has no view among the neighbours."""


@dataclass(frozen=True, slots=True)
class Votes:
    """What the neighbours of n images say of all groups, each array (n, groups).

    ``share`` sums to one over the groups of an image that has neighbours; ``similarity`` is the cosine of each group's
    nearest view, ``vector_id`` its place in the class's vectors; of a group without a view among the neighbours they
    are 0, NOT_NEAR and -1.
    """

    share: NDArray[np.float64]
    similarity: NDArray[np.float64]
    vector_id: NDArray[np.int64]


def count_votes(
    similarity: NDArray[np.float32],
    vector_id: NDArray[np.int64],
    group_of_vector: NDArray[np.int64],
    groups: int,
) -> Votes:
    """Count the neighbours of each image by group.

    Parameters
    ----------
    similarity, vector_id : (n, k)
        As the vectors' search returns them, those of several copies of an image side by side; ids below zero are
        padding.
    group_of_vector : int64 (vectors,)
    groups : int
        How many there are.

    Returns
    -------
    Votes
        A group's share is that of its weighted neighbours.
    """
    n = len(vector_id)
    found = vector_id >= 0
    cosine = np.where(found, similarity.astype(np.float64), NOT_NEAR)
    weight = np.exp(SHARPNESS * (cosine - cosine.max(axis=1, initial=NOT_NEAR, keepdims=True))) * found
    cell = group_of_vector[vector_id] + groups * np.arange(n)[:, None]
    share = np.bincount(cell.ravel(), weight.ravel(), n * groups).reshape(n, groups)
    near = np.full(n * groups, NOT_NEAR)
    np.maximum.at(near, cell[found], cosine[found])
    best = found & (cosine == near[cell])
    nearest = np.full(n * groups, -1, np.int64)
    nearest[cell[best]] = vector_id[best]
    total = share.sum(axis=1, keepdims=True)
    return Votes(
        share=share / np.where(total > 0, total, 1.0),
        similarity=near.reshape(n, groups),
        vector_id=nearest.reshape(n, groups),
    )
