"""The map of the shape space: each shape group a point, like shapes side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.gallery.layout import neighbour_layout
from emsearch.gallery.shape_distances import SizeAndForm, shape_distances
from emsearch_index.catalogue import Catalogue
from emsearch_index.errors import UsageError

__all__ = ["MapPoint", "shape_map"]

_MOST_GROUPS = 3000  # all pairs are held, and the layout looks at each some hundred times
_DECIMALS = 4

_GROUPS = """
    SELECT g.id, g.name, g.size_class, g.members, g.representative_id, s.mass_da, s.dmax_angstrom, s.anisotropy,
           s.gyration_1, s.gyration_2, s.gyration_3, s.volume_angstrom3
    FROM groups g JOIN structures s ON s.id = g.representative_id
    WHERE ? IS NULL OR g.size_class = ? ORDER BY g.id
"""
_PAIRS = """
    SELECT least(a.group_id, b.group_id) AS first, greatest(a.group_id, b.group_id) AS second, max(score) AS score
    FROM similarities JOIN structures a ON a.id = structure_a JOIN structures b ON b.id = structure_b
    WHERE a.group_id <> b.group_id GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A shape group and its place; the wider side of the map measures 1, x grows with size."""

    group: str
    x: float
    y: float
    representative: str
    name: str
    members: int
    size_class: str
    mass_kda: float
    dmax_angstrom: float


def shape_map(catalogue: Catalogue, size_class: str | None = None) -> list[MapPoint]:
    """Return the map of all groups, or of those of one size class, in the order of their names; the same each time.

    Raises
    ------
    UsageError
        There are more groups than a map holds, or none.
    """
    rows = catalogue.rows(_GROUPS, [size_class, size_class])
    if not rows:
        wanted = "" if size_class is None else f" of size class {size_class!r}"
        raise UsageError(f"the index has no groups{wanted}; `emsearch groups` lists what there is")
    if len(rows) > _MOST_GROUPS:
        raise UsageError(
            f"the index has {len(rows)} groups and a map holds at most {_MOST_GROUPS}; "
            "draw one size class, which `emsearch info` lists"
        )
    place = _oriented(_laid_out(catalogue, rows), rows)
    return [
        MapPoint(
            group=row["id"],
            x=round(x, _DECIMALS),
            y=round(y, _DECIMALS),
            representative=row["representative_id"],
            name=row["name"] or "",
            members=row["members"],
            size_class=row["size_class"] or "",
            mass_kda=row["mass_da"] / 1000,
            dmax_angstrom=row["dmax_angstrom"],
        )
        for row, (x, y) in zip(rows, place.tolist(), strict=True)
    ]


def _laid_out(catalogue: Catalogue, rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    number = {row["id"]: k for k, row in enumerate(rows)}
    compared = [
        (number[row["first"]], number[row["second"]], row["score"])
        for row in catalogue.rows(_PAIRS)
        if row["first"] in number and row["second"] in number
    ]
    shapes = SizeAndForm(
        extents_angstrom=np.sqrt([[row[f"gyration_{k}"] for k in (1, 2, 3)] for row in rows]),
        volume_angstrom3=np.array([row["volume_angstrom3"] for row in rows]),
        dmax_angstrom=np.array([row["dmax_angstrom"] for row in rows]),
    )
    pairs = np.array([pair[:2] for pair in compared], np.int64).reshape(-1, 2)
    return neighbour_layout(shape_distances(shapes, pairs, np.array([pair[2] for pair in compared])))


def _oriented(place: NDArray[np.float64], rows: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Turn a layout so that size grows to the right, mirror it so that rods are above, and scale it."""
    place = place - place.mean(axis=0)
    size = np.log([row["dmax_angstrom"] for row in rows])
    right = place.T @ (size - size.mean())
    length = float(np.hypot(*right))
    right = right / length if length > 0 else np.array([1.0, 0.0])
    x, y = place @ right, place @ np.array([-right[1], right[0]])
    rods = np.array([row["anisotropy"] for row in rows])
    if float(y @ (rods - rods.mean())) < 0:
        y = -y
    low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
    wider = max(float((high - low).max()), 1e-12)
    return np.asarray((np.stack([x, y], axis=1) - (low + high) / 2) / wider)
