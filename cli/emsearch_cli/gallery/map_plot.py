"""What the map's picture and page share: where points stand, how large they are, and which are shown by their shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emsearch.gallery.shape_map import MapPoint

__all__ = ["LANDMARK_SIDE", "WIDTH", "MapPlot", "class_names", "foot_of", "plot_map"]

WIDTH = 1000.0
LANDMARK_SIDE = 82.0
_MARGIN = 56.0
_VISIBLE = 0.12
_APART = 84.0  # between shapes that are shown; nearer ones would lie on each other


@dataclass(frozen=True, slots=True)
class MapPlot:
    """Points in a drawing `WIDTH` wide and ``height`` high, y down; ``landmarks`` are those shown by their shape."""

    height: float
    places: tuple[tuple[float, float], ...]
    radii: tuple[float, ...]
    landmarks: tuple[int, ...]


def plot_map(points: "Sequence[MapPoint]") -> MapPlot:
    """Place the points of a map; the landmarks are groups of many members first, none near another."""
    scale = WIDTH - 2 * _MARGIN
    top = max(point.y for point in points)
    height = scale * (top - min(point.y for point in points)) + 2 * _MARGIN
    places = tuple((_MARGIN + scale * (p.x + 0.5), _MARGIN + scale * (top - p.y)) for p in points)
    landmarks: list[int] = []
    for k in sorted(range(len(points)), key=lambda k: (-points[k].members, points[k].group)):
        if all(math.dist(places[k], places[other]) >= _APART for other in landmarks):
            landmarks.append(k)
    radii = tuple(min(9.0, 3.4 + 0.9 * math.sqrt(point.members - 1)) for point in points)
    return MapPlot(height, places, radii, tuple(landmarks))


def class_names(points: "Sequence[MapPoint]") -> list[str]:
    """Return the size classes of the points, the one of the smallest shapes first."""
    least: dict[str, float] = {}
    for point in points:
        least[point.size_class] = min(point.dmax_angstrom, least.get(point.size_class, point.dmax_angstrom))
    return sorted(least, key=lambda name: (least[name], name))


def foot_of(face: "NDArray[np.float32]") -> float:
    """Return how far below the middle of its picture a shape ends, in the units of the drawing: a name stands there."""
    import numpy as np

    rows = np.flatnonzero((face > _VISIBLE).any(axis=1))
    lowest = (int(rows[-1]) + 1) / len(face) if len(rows) else 1.0
    return LANDMARK_SIDE * (lowest - 0.5)
