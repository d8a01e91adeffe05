"""The beads of a hit, turned as its image shows them."""

import numpy as np
from numpy.typing import NDArray

from emsearch.search.engine import SearchIndex
from emsearch.search.hits import View
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["posed_beads", "seen_from_above"]

_UP = np.diag([1.0, -1.0, -1.0])  # image rows count downwards and the beam runs away from the eye


def posed_beads(index: SearchIndex, view: View) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return where the beads of a view's structure lie, (n, 3) in A, and which are nucleotides, (n,).

    The frame is that of molecular graphics: x to the right, y up, z towards the eye, the centre of mass at the origin, so
    that the models of all hits of an image lie on each other, and look as the image does.
    """
    model = index.library.model(view.structure)
    return seen_from_above(model.centroid_angstrom, view), model.nucleic


def seen_from_above(points_angstrom: NDArray[np.floating], view: View) -> NDArray[np.float64]:
    """Return points (n, 3) of a structure turned as a view poses it, in the frame of molecular graphics."""
    (turn,) = quaternions_to_matrices(np.array([view.quaternion]))
    return np.asarray(points_angstrom @ (_UP @ turn).T)
