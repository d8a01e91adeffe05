"""From where a shape is drawn: along its principal axes and between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.beads import BeadModel
from emsearch.structures.features import gyration_tensor

__all__ = ["SixViews", "principal_axes", "six_views"]

_ALIKE = (
    0.98  # of two eigenvalues, as symmetry makes them; their axes are then any two of a plane or of space
)
_GOLDEN = (1 + 5**0.5) / 2

# Axes of cubic and icosahedral assemblies as mostly deposited: along one of the last two five-fold axes lie.
_OF_ROUND_SHAPES = (
    ("along z", (0, 0, 1)),
    ("along x", (1, 0, 0)),
    ("along (1, 1, 1)", (1, 1, 1)),
    ("along (0, 1, 1)", (0, 1, 1)),
    ("along (0, 1, 1.62)", (0, 1, _GOLDEN)),
    ("along (1, 0, 1.62)", (1, 0, _GOLDEN)),
)

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SixViews:
    """Directions that show a shape, by what they are called, and the rotations (6, 3, 3) into the frame of an image.

    Rows of a rotation are x to the right, y down and the beam. In full stain the view from behind is the mirror image.
    """

    names: tuple[str, ...]
    turns: NDArray[np.float64]


def six_views(beads: BeadModel) -> SixViews:
    """Return the views along the principal axes and halfway between them.

    Views that share an axis show it in the same place, so that one is the other turned about it. Where all directions are
    alike to the gyration tensor, as in a capsid, the views go along axes of the deposited coordinates and between them.
    """
    axes = principal_axes(beads)
    if axes is None:
        directions = [np.array(direction, np.float64) for _, direction in _OF_ROUND_SHAPES]
        frames = [_frame(_deposited_beside(beam / np.linalg.norm(beam)), beam) for beam in directions]
        return SixViews(tuple(name for name, _ in _OF_ROUND_SHAPES), np.array(frames))
    long, middle, short = axes
    views = {
        "along the short axis": _frame(long, short),
        "along the middle axis": _frame(long, -middle),
        "along the long axis": _frame(middle, long),
        "between short and middle": _frame(long, short - middle),
        "between short and long": _frame(long - short, long + short),
        "between middle and long": _frame(middle - long, middle + long),
    }
    return SixViews(tuple(views), np.array(list(views.values())))


def principal_axes(beads: BeadModel) -> NDArray[np.float64] | None:
    """Return the principal axes as rows (3, 3), longest first, right-handed; None where all three are alike.

    Where symmetry leaves two of them open, the axes of the deposited coordinates settle them. The mass tails off towards
    the positive end of the long and of the middle axis.
    """
    ascending, vectors = np.linalg.eigh(gyration_tensor(beads))
    first, second, third = ascending[::-1].tolist()
    axes = vectors[:, ::-1].T.copy()
    if third > _ALIKE * first:
        return None
    if second > _ALIKE * first:
        axes[0] = _deposited_beside(axes[2])
        axes[1] = np.cross(axes[2], axes[0])
    elif third > _ALIKE * second:
        axes[1] = _deposited_beside(axes[0])
    mass, position = beads.mass_da.astype(np.float64), beads.centroid_angstrom.astype(np.float64)
    tail = mass @ ((position - mass @ position / mass.sum()) @ axes.T) ** 3
    axes[:2] *= np.where(tail[:2] < 0, -1.0, 1.0)[:, None]
    axes[2] = np.cross(axes[0], axes[1])
    return axes


def _deposited_beside(axis: _Vector) -> _Vector:
    """Return the coordinate axis that is most nearly at right angles to a unit vector, made exactly so."""
    beside = np.zeros(3)
    beside[np.argmin(np.abs(axis))] = 1.0
    beside -= (beside @ axis) * axis
    return np.asarray(beside / np.linalg.norm(beside))


def _frame(right: _Vector, beam: _Vector) -> NDArray[np.float64]:
    right, beam = right / np.linalg.norm(right), beam / np.linalg.norm(beam)
    return np.stack([right, np.cross(beam, right), beam])
