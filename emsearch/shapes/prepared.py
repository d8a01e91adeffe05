"""A bead model made ready for superposition: in its principal axes, its beads merged to the resolution."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.errors import ShapeError
from emsearch.structures.beads import BeadModel

__all__ = ["MassPoints", "PreparedShape", "comparison_resolution", "merge_points", "prepare_shape"]

_MAX_RESOLUTION_ANGSTROM = 20.0
_RESOLUTION_PER_RG = 0.5
_RESOLUTION_PER_BEAD_WIDTH = 6.0
MERGED_CELL_PER_RESOLUTION = 1.0 / 3.0
_SEARCH_POINTS = 300
_MAX_SEARCH_POINTS = 600
_SEARCH_RESOLUTION_PER_CELL = 2.0
_DEGENERATE_EIGENVALUE_RATIO = 0.9


@dataclass(frozen=True, slots=True)
class MassPoints:
    """Point masses that share one Gaussian width.

    Attributes
    ----------
    position : float32 (n, 3)
        In A, in the principal axes of the structure, about its centre of mass.
    mass : float32 (n,)
        As a fraction of the structure's.
    variance_angstrom2 : float
        Mean variance per axis of the mass about its point.
    """

    position: NDArray[np.float32]
    mass: NDArray[np.float32]
    variance_angstrom2: float


@dataclass(frozen=True, slots=True)
class PreparedShape:
    """What superposition needs of one structure; a few tens of kB.

    Attributes
    ----------
    centre_angstrom : float64 (3,)
        Centre of mass in the structure's own frame.
    axes : float64 (3, 3)
        Rows are the principal axes, longest first, right-handed: y = axes @ (x - centre).
    gyration_angstrom2 : (l1, l2, l3)
        Eigenvalues of the gyration tensor, bead widths included, l1 >= l2 >= l3.
    resolution_angstrom : float
        The resolution at which ``points`` were merged, that of the structure by itself.
    beads : MassPoints
        All beads.
    points : MassPoints
        Merged to a third of the resolution.
    search_points : MassPoints
        Merged to a few hundred, for the search over all orientations.
    search_resolution_angstrom : float
        The finest resolution that ``search_points`` serve.
    """

    centre_angstrom: NDArray[np.float64]
    axes: NDArray[np.float64]
    gyration_angstrom2: tuple[float, float, float]
    resolution_angstrom: float
    beads: MassPoints
    points: MassPoints
    search_points: MassPoints
    search_resolution_angstrom: float

    @property
    def rg_angstrom(self) -> float:
        """Radius of gyration."""
        return float(np.sqrt(sum(self.gyration_angstrom2)))

    @property
    def bead_width_angstrom(self) -> float:
        """Root mean square width of the beads, per axis."""
        return float(np.sqrt(self.beads.variance_angstrom2))

    @property
    def degenerate(self) -> bool:
        """Whether two eigenvalues differ by less than 10 %, so that the principal axes are ill-defined."""
        l1, l2, l3 = self.gyration_angstrom2
        return l2 > _DEGENERATE_EIGENVALUE_RATIO * l1 or l3 > _DEGENERATE_EIGENVALUE_RATIO * l2


def comparison_resolution(rg_angstrom: float, bead_width_angstrom: float) -> float:
    """Return the resolution at which shapes are compared: min(20 A, Rg / 2), no finer than their beads bear.

    Beads of rms width w per axis stand for cells of 3.5 w. The same capsid binned in two orientations scores
    0.96 at 4 w and 0.994 at 6 w, so that 6 w is the least; residues (w = 1.5 A) never reach it.

    >>> comparison_resolution(30.0, 1.5), comparison_resolution(60.0, 1.5), comparison_resolution(800.0, 9.0)
    (15.0, 20.0, 54.0)
    """
    wanted = min(_MAX_RESOLUTION_ANGSTROM, _RESOLUTION_PER_RG * rg_angstrom)
    return max(wanted, _RESOLUTION_PER_BEAD_WIDTH * bead_width_angstrom)


def prepare_shape(beads: BeadModel) -> PreparedShape:
    """Centre a bead model, turn it into its principal axes and merge its beads.

    Raises
    ------
    ShapeError
        Where the model has no beads, a mass that is not positive, or no extent.
    """
    mass = beads.mass_da.astype(np.float64)
    total = float(mass.sum())
    if len(beads) == 0 or not np.all(mass > 0.0) or not np.all(np.isfinite(beads.centroid_angstrom)):
        raise ShapeError(
            f"found a bead model of {len(beads)} beads and {total:g} Da where finite positions and positive "
            "masses were expected; leave this structure out"
        )
    mass /= total
    position = beads.centroid_angstrom.astype(np.float64)
    centre = mass @ position
    variance = float(mass @ beads.width_angstrom.astype(np.float64) ** 2)
    eigenvalues, axes = _principal_axes(position - centre, mass, variance)
    resolution = comparison_resolution(float(np.sqrt(eigenvalues.sum())), float(np.sqrt(variance)))
    if not eigenvalues[0] > variance:
        raise ShapeError(
            f"found a bead model of {len(beads)} beads at one point where an extended shape was expected; "
            "leave this structure out"
        )
    turned = MassPoints(((position - centre) @ axes.T).astype(np.float32), mass.astype(np.float32), variance)
    points = merge_points(turned, resolution * MERGED_CELL_PER_RESOLUTION)
    l1, l2, l3 = eigenvalues.tolist()
    return PreparedShape(
        centre, axes, (l1, l2, l3), resolution, turned, points, *_search_points(points, resolution)
    )


def merge_points(points: MassPoints, cell_angstrom: float) -> MassPoints:
    """Merge the points of each cubic cell into one at their centre of mass; mass and spread are conserved.

    Cell walls pass through the origin, so that the cells of a flipped structure are the flipped cells.
    """
    cell = np.floor(points.position / np.float32(cell_angstrom)).astype(np.int64)
    cell -= cell.min(axis=0)
    extent = cell.max(axis=0) + 1
    _, member = np.unique((cell[:, 0] * extent[1] + cell[:, 1]) * extent[2] + cell[:, 2], return_inverse=True)
    weight = points.mass.astype(np.float64)
    mass = np.bincount(member, weight)
    position = np.stack(
        [np.bincount(member, weight * points.position[:, k]) / mass for k in range(3)], axis=1
    )
    spread = weight @ ((points.position - position[member]) ** 2).sum(axis=1) / (3.0 * weight.sum())
    return MassPoints(
        position.astype(np.float32), mass.astype(np.float32), points.variance_angstrom2 + float(spread)
    )


def _search_points(points: MassPoints, resolution_angstrom: float) -> tuple[MassPoints, float]:
    """Merge further, to a few hundred points, and say which resolution these serve."""
    cell = resolution_angstrom * MERGED_CELL_PER_RESOLUTION
    merged = points
    while len(merged.mass) > _MAX_SEARCH_POINTS:
        cell *= max(1.1, (len(merged.mass) / _SEARCH_POINTS) ** (1.0 / 3.0))
        merged = merge_points(points, cell)
    return merged, max(resolution_angstrom, cell * _SEARCH_RESOLUTION_PER_CELL)


def _principal_axes(
    centred: NDArray[np.float64], mass: NDArray[np.float64], variance: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tensor = (centred * mass[:, None]).T @ centred + variance * np.eye(3)
    ascending, vectors = np.linalg.eigh(tensor)
    axes = vectors[:, ::-1].T.copy()
    if np.linalg.det(axes) < 0:
        axes[2] *= -1.0
    return ascending[::-1], axes
