"""Bead models bent along their normal modes.

A mode is a direction, and along a straight line whatever should turn grows. So each bead moves on a screw, with
the rotation that its neighbourhood has in the mode: A. Hoffmann and S. Grudinin, J. Chem. Theory Comput. 13:2123
(2017).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from emsearch.structures.beads import BeadModel
from emsearch.structures.elastic import Modes, normal_modes
from emsearch_index.errors import UsageError

__all__ = ["bend", "bent", "mode_rotations"]

_NEIGHBOURS = 12
_FLAT = 1e-3  # of the largest inertia: neighbours on a line show no rotation about it
_ANGLE_MIN = 1e-4  # radians, below which screw and line agree
_REACH = 1.25 ** np.arange(17)  # amplitudes tried, over the one that a straight bend would need

_Array = NDArray[np.float64]


def bend(model: BeadModel, modes: Modes, amplitudes: NDArray[np.floating]) -> BeadModel:
    """Bend a bead model by given amplitudes of its modes.

    Parameters
    ----------
    model : BeadModel
    modes : Modes
        Of this model.
    amplitudes : float (k,)
        Along each mode, in A: the root sum square displacement, which for a small bend is RMSD x sqrt(beads).

    Returns
    -------
    BeadModel
        Centred on its centre of mass; all but the centroids are those of ``model``.

    Raises
    ------
    UsageError
        The modes belong to another model, or there are not as many amplitudes as modes.
    """
    points = model.centroid_angstrom.astype(np.float64)
    _check_modes(model, modes, len(amplitudes))
    displacement = np.tensordot(amplitudes, modes.displacement, axes=1)
    return _with_centroids(model, _screwed(points, displacement, _rotations(points, displacement)))


def bent(model: BeadModel, rmsd_angstrom: float, seed: int, modes: Modes | None = None) -> BeadModel:
    """Bend a bead model at random along its softest modes until it has an RMSD from itself.

    Amplitudes are normal with variance proportional to 1 / eigenvalue, then scaled together. They are the
    overlaps of the modes with one random displacement of all beads, so that neither the signs of modes matter
    nor which ones span those of equal stiffness. A seed bends one way, further for a larger RMSD.

    Parameters
    ----------
    model : BeadModel
    rmsd_angstrom : float
        Over the beads, each counted once, after optimal superposition; kept to 0.001 A.
    seed : int
        Not negative.
    modes : Modes, optional
        Of this model; the ten softest, computed, where they are not given.

    Returns
    -------
    BeadModel
        Centred on its centre of mass; all but the centroids are those of ``model``.

    Raises
    ------
    UsageError
        The RMSD is not above 0, is above the radius of gyration, or is further than the modes go.
    StructureError
        The model has no modes (``normal_modes``).
    """
    points = model.centroid_angstrom.astype(np.float64)
    radius = float(np.sqrt(np.sum(points.var(axis=0))))
    if not 0.0 < rmsd_angstrom <= radius:
        raise UsageError(
            f"found an RMSD of {rmsd_angstrom:g} A to bend to; give one above 0 and up to the radius of gyration, "
            f"{radius:.1f} A."
        )
    modes = normal_modes(model) if modes is None else modes
    _check_modes(model, modes, len(modes))
    noise = np.random.default_rng(seed).normal(size=points.shape)
    overlap = np.tensordot(modes.displacement, noise, axes=2)
    displacement = np.tensordot(overlap / np.sqrt(modes.eigenvalue), modes.displacement, axes=1)
    displacement *= rmsd_angstrom * np.sqrt(len(model)) / np.linalg.norm(displacement)
    return _with_centroids(model, _bent_to(points, displacement, rmsd_angstrom))


def mode_rotations(model: BeadModel, modes: Modes) -> NDArray[np.float64]:
    """Return the rotation vectors (k, beads, 3), in radians, that go with one unit of each mode, linear in its amplitude."""
    points = model.centroid_angstrom.astype(np.float64)
    return np.stack([_rotations(points, displacement) for displacement in modes.displacement])


def _check_modes(model: BeadModel, modes: Modes, amplitudes: int) -> None:
    if modes.displacement.shape != (amplitudes, len(model), 3):
        raise UsageError(
            f"found {len(modes)} modes of {modes.displacement.shape[1]} beads, {amplitudes} amplitudes and a model "
            f"of {len(model)} beads; give the modes of this model and one amplitude for each."
        )


def _bent_to(points: _Array, displacement: _Array, rmsd_angstrom: float) -> _Array:
    rotation = _rotations(points, displacement)

    def moved(factor: float) -> _Array:
        return _screwed(points, factor * displacement, factor * rotation)

    def excess(factor: float) -> float:
        return _rmsd(points, moved(factor)) - rmsd_angstrom

    enough = next((factor for factor in _REACH.tolist() if excess(factor) >= 0.0), None)
    if enough is None:
        raise UsageError(
            f"found an RMSD of {rmsd_angstrom:g} A to bend to, further than these modes go; give a smaller one."
        )
    return moved(brentq(excess, 0.0, enough, xtol=1e-6))


def _rotations(points: _Array, displacement: _Array) -> _Array:
    """Rotation vector (n, 3), in radians, that best tells how the neighbours of each bead move about it."""
    _, index = cKDTree(points).query(points, np.arange(2, min(_NEIGHBOURS + 1, len(points)) + 1))
    offset = points[index] - points[:, None]
    moment = np.cross(offset, displacement[index] - displacement[:, None]).sum(axis=1)
    spread = offset.transpose(0, 2, 1) @ offset
    inertia = np.trace(spread, axis1=1, axis2=2)[:, None, None] * np.eye(3) - spread
    inverse = np.linalg.pinv(inertia, rcond=_FLAT, hermitian=True)
    return np.asarray(np.einsum("nij,nj->ni", inverse, moment))


def _screwed(points: _Array, displacement: _Array, rotation: _Array) -> _Array:
    """Move each bead by a displacement u that turns by its rotation w on the way: x + int_0^1 exp(t [w]) u dt."""
    angle = np.maximum(np.linalg.norm(rotation, axis=1, keepdims=True), _ANGLE_MIN)
    sine = np.sinc(angle / np.pi)
    across = 0.5 * np.sinc(angle / (2.0 * np.pi)) ** 2 * np.cross(rotation, displacement)
    along = (1.0 - sine) / angle**2 * np.sum(rotation * displacement, axis=1, keepdims=True) * rotation
    return np.asarray(points + sine * displacement + across + along)


def _rmsd(fixed: _Array, moving: _Array) -> float:
    """RMSD of two point sets (n, 3) after optimal superposition (Kabsch 1976)."""
    _, distance = Rotation.align_vectors(fixed - fixed.mean(axis=0), moving - moving.mean(axis=0))
    return float(distance / np.sqrt(len(fixed)))


def _with_centroids(model: BeadModel, points: _Array) -> BeadModel:
    mass = model.mass_da.astype(np.float64)
    return replace(model, centroid_angstrom=(points - mass @ points / mass.sum()).astype(np.float32))
