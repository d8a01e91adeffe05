"""Which poses of a structure are the same but for its symmetry."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from emsearch.structures.beads import BeadModel

__all__ = ["Equivalents", "Symmetry"]

Floats = NDArray[np.float64]

_COMPARED = 500
_ROUNDS = 10
_COINCIDE = 0.4  # of the distance between beads; those of two dense clouds in any other pose lie 0.55 apart
_SAME_DEGREES = 10.0


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A turn (3, 3) that brings a structure onto itself, and which bead (n,) stands where each comes to."""

    turn: Floats
    bead: NDArray[np.int64]


class Equivalents:
    """The turns of one structure, and which of them are alike."""

    def __init__(self, model: BeadModel) -> None:
        points = model.centroid_angstrom.astype(np.float64)
        self._points = points - points.mean(axis=0)
        self._tree = cKDTree(self._points)
        self._some = self._points[:: max(1, len(points) // _COMPARED)]
        self._coincide = _COINCIDE * float(np.cbrt(np.mean(model.volume_angstrom3, dtype=np.float64)))

    def symmetry(self, turn: Floats) -> Symmetry | None:
        """Return the turn of the symmetry that a turn (3, 3) is near to, no turn among them; None where there is none.

        It is found by superposing beads with those next to them, again and again (Besl and McKay, IEEE Trans. Pattern
        Anal. Mach. Intell. 14:239, 1992).
        """
        for _ in range(_ROUNDS):
            _, bead = self._tree.query(self._some @ turn.T)
            turn = Rotation.align_vectors(self._points[bead], self._some)[0].as_matrix()
        distance, bead = self._tree.query(self._points @ turn.T)
        if math.sqrt(float(np.mean(distance**2))) > self._coincide:
            return None
        return Symmetry(turn, np.asarray(bead))

    def alike(self, one: Floats, other: Floats) -> bool:
        """Say whether two turns (3, 3) show the structure in the same pose, to 10 degrees."""
        between = one.T @ other
        if _degrees(between) < _SAME_DEGREES:
            return True
        found = self.symmetry(between)
        return found is not None and _degrees(found.turn.T @ between) < _SAME_DEGREES

    def distinct(self, turns: Sequence[Floats], count: int) -> list[int]:
        """Return the places of up to ``count`` turns, the first ones that are like none before them."""
        chosen: list[int] = []
        for place, turn in enumerate(turns):
            if len(chosen) == count:
                break
            if not any(self.alike(turns[k], turn) for k in chosen):
                chosen.append(place)
        return chosen


def _degrees(turn: Floats) -> float:
    return math.degrees(math.acos(min(1.0, max(-1.0, (float(np.trace(turn)) - 1) / 2))))
