"""Mass and shape of a bead model."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import cdist

from emsearch.structures.beads import BeadModel
from emsearch.structures.model import Features

__all__ = ["gyration_tensor", "longest_extent", "measure"]

_ATOM_ANGSTROM = 3.4  # two van der Waals radii of carbon: from atom centres to the surface
_HULL_FROM = 500  # fewer points are compared directly
_ROWS = 512


def gyration_tensor(beads: BeadModel) -> NDArray[np.float64]:
    """Mass-weighted gyration tensor about the centre of mass, in A^2, float64 (3, 3).

    G = sum m (r - c)(r - c)^T / M + mean(width^2) on the diagonal: a bead is an isotropic Gaussian.
    """
    mass = beads.mass_da.astype(np.float64)
    position = beads.centroid_angstrom.astype(np.float64)
    total = mass.sum()
    offset = position - mass @ position / total
    width = float(mass @ beads.width_angstrom.astype(np.float64) ** 2 / total)
    return np.asarray((mass[:, None] * offset).T @ offset / total + width * np.eye(3))


def _candidates(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Drop the points that cannot end the longest distance.

    With an extent L already found and every point within R of a centre, a point nearer to that centre than
    L - R has no partner as far as L.
    """
    start = points[np.argmax(np.sum((points - points.mean(axis=0)) ** 2, axis=1))]
    far = points[np.argmax(np.sum((points - start) ** 2, axis=1))]
    known = float(np.linalg.norm(far - start))
    radius = np.linalg.norm(points - (start + far) / 2.0, axis=1)
    return np.asarray(points[radius >= known - radius.max() - 1e-6])


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    try:  # QJ: points in one plane or on one line have a hull too
        return np.asarray(points[ConvexHull(points, qhull_options="QJ").vertices])
    except QhullError:
        return points


def longest_extent(points: NDArray[np.floating]) -> float:
    """Longest distance between two of the points (n, 3), in their unit; 0 for a single point."""
    left = _candidates(points.astype(np.float64))
    if len(left) > _HULL_FROM:
        left = _hull(left)
    return max(float(cdist(left[i : i + _ROWS], left).max()) for i in range(0, len(left), _ROWS))


def measure(beads: BeadModel, symmetry: str) -> Features:
    """Measure a bead model.

    Parameters
    ----------
    beads : BeadModel
        At least one bead.
    symmetry : str
        Point group as found from the assembly ("C1", "D2", "I").

    Returns
    -------
    Features
        From the eigenvalues l1 >= l2 >= l3 of the gyration tensor (Theodorou and Suter 1985, Macromolecules
        18:1206): Rg^2 = l1 + l2 + l3; asphericity l1 - (l2 + l3) / 2; acylindricity l2 - l3; relative
        anisotropy 1 - 3 (l1 l2 + l2 l3 + l3 l1) / Rg^4; moments of inertia M (Rg^2 - l_k). Dmax is the
        longest distance of bead centres + 3.4 A.
    """
    mass = float(beads.mass_da.sum(dtype=np.float64))
    nucleic = float(beads.mass_da[beads.nucleic].sum(dtype=np.float64))
    third, second, first = np.maximum(np.linalg.eigvalsh(gyration_tensor(beads)), 0.0).tolist()
    square = first + second + third
    mixed = first * second + second * third + third * first
    return Features(
        mass_da=mass,
        mass_protein_da=mass - nucleic,
        mass_nucleic_da=nucleic,
        rg_angstrom=float(np.sqrt(square)),
        dmax_angstrom=longest_extent(beads.centroid_angstrom) + _ATOM_ANGSTROM,
        gyration_angstrom2=(first, second, third),
        inertia_da_angstrom2=(mass * (square - first), mass * (square - second), mass * (square - third)),
        asphericity_angstrom2=first - (second + third) / 2.0,
        acylindricity_angstrom2=second - third,
        anisotropy=1.0 - 3.0 * mixed / square**2 if square > 0.0 else 0.0,
        volume_angstrom3=float(beads.volume_angstrom3.sum(dtype=np.float64)),
        symmetry=symmetry,
    )
