"""The rows of the table ``views``: one for each vector, in its order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emsearch.build.embedding import VIEW_RESOLUTION_ANGSTROM, ViewGrid

__all__ = ["StructureViews", "view_columns"]


@dataclass(frozen=True, slots=True)
class StructureViews:
    """The views of one structure, and where it belongs."""

    structure: str
    group: str
    size_class: str
    grid: ViewGrid


def view_columns(views: Sequence[StructureViews], vectors_before: Mapping[str, int]) -> dict[str, Any]:
    """Return the columns of ``views``; in each size class ``vector_id`` goes on from the vectors there were before."""
    counts = np.array([len(one.grid) for one in views])
    quaternion = np.concatenate([one.grid.quaternion for one in views]).astype(np.float32)
    size_class = np.repeat([one.size_class for one in views], counts)
    vector_id = np.zeros(len(size_class), np.int64)
    for name in np.unique(size_class).tolist():
        here = size_class == name
        vector_id[here] = vectors_before[name] + np.arange(here.sum())
    return {
        "vector_id": vector_id,
        "size_class": size_class.tolist(),
        "structure_id": np.repeat([one.structure for one in views], counts).tolist(),
        "group_id": np.repeat([one.group for one in views], counts).tolist(),
        **{f"quaternion_{axis}": quaternion[:, k] for k, axis in enumerate("wxyz")},
        "fill": np.concatenate([one.grid.fill for one in views]),
        "resolution_angstrom": np.full(len(size_class), VIEW_RESOLUTION_ANGSTROM, np.float32),
        "defocus_um": np.zeros(len(size_class), np.float32),
    }
