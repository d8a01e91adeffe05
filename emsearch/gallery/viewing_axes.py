"""From where a shape is drawn: along its principal axes and between them."""

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel
from emsearch.structures.features import gyration_tensor

__all__ = ["SIX_VIEWS", "principal_axes", "view_turns"]

_ALIKE = 0.98  # of two eigenvalues, as symmetry makes them; their axes are then any two of a plane or of space

SIX_VIEWS = (
    "along the short axis",
    "along the middle axis",
    "along the long axis",
    "between short and middle",
    "between short and long",
    "between middle and long",
)
"""What the six views of `view_turns` are called. The opposite of each is its mirror image in full stain."""


def principal_axes(beads: BeadModel) -> NDArray[np.float64]:
    """Return the principal axes as rows (3, 3), longest first, right-handed.

    Symmetry leaves axes open; the axes of the deposited coordinates, along which symmetric assemblies mostly lie, then
    settle them. The mass tails off towards the positive end of the long and of the middle axis.
    """
    ascending, vectors = np.linalg.eigh(gyration_tensor(beads))
    first, second, third = ascending[::-1].tolist()
    axes = vectors[:, ::-1].T.copy()
    if third > _ALIKE * first:
        axes = np.eye(3)
    elif second > _ALIKE * first:
        axes[0] = _deposited_beside(axes[2])
        axes[1] = np.cross(axes[2], axes[0])
    elif third > _ALIKE * second:
        axes[1] = _deposited_beside(axes[0])
    mass, position = beads.mass_da.astype(np.float64), beads.centroid_angstrom.astype(np.float64)
    tail = mass @ ((position - mass @ position / mass.sum()) @ axes.T) ** 3
    axes[:2] *= np.where(tail[:2] < 0, -1.0, 1.0)[:, None]
    axes[2] = np.cross(axes[0], axes[1])
    return axes


def _deposited_beside(axis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coordinate axis that is most nearly at right angles to a unit vector, made exactly so."""
    beside = np.zeros(3)
    beside[np.argmin(np.abs(axis))] = 1.0
    beside -= (beside @ axis) * axis
    return np.asarray(beside / np.linalg.norm(beside))


def view_turns(beads: BeadModel) -> NDArray[np.float64]:
    """Return the rotations (6, 3, 3) into the frame of an image for the `SIX_VIEWS`.

    Rows are x to the right, y down and the beam. Views that share an axis show it in the same place, so that one is the
    other turned about it.
    """
    long, middle, short = principal_axes(beads)
    return np.array(
        [
            _frame(long, short),
            _frame(long, -middle),
            _frame(middle, long),
            _frame(long, short - middle),
            _frame(long - short, long + short),
            _frame(middle - long, middle + long),
        ]
    )


def _frame(right: NDArray[np.float64], beam: NDArray[np.float64]) -> NDArray[np.float64]:
    right, beam = right / np.linalg.norm(right), beam / np.linalg.norm(beam)
    return np.stack([right, np.cross(beam, right), beam])
