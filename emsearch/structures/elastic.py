"""Normal modes of a bead model as an elastic network: the directions in which it bends most easily.

Anisotropic network model: P. Doruker, A. R. Atilgan and I. Bahar, Proteins 40:512 (2000); A. R. Atilgan et al.,
Biophys. J. 80:505 (2001). Beads near one another are joined by springs of unit strength at rest.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import LinearOperator, eigsh, splu

from emsearch.structures.beads import BeadModel
from emsearch.structures.blocks import bond_matrix, cut_into_blocks, interpolated, rigid_motions
from emsearch.structures.errors import StructureError
from emsearch.structures.springs import cutoff_of, springs

__all__ = ["Modes", "normal_modes"]

_NODES_MAX = 1500  # beads that move one by one
_BLOCKS = 800  # of a larger model
_SHIFT = 1e-6  # of the mean stiffness of a coordinate; makes the Hessian positive definite
_FLOPPY = 1e-9  # of the same: such a mode stretches no spring
_THIN_ANGSTROM = 1e-3

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Modes:
    """Normal modes of a bead model, the softest first; the six motions as one body are not among them.

    Attributes
    ----------
    eigenvalue : float64 (k,)
        Stiffness in spring constants, positive and ascending. At a given temperature the variance of the
        amplitude is proportional to 1 / eigenvalue.
    displacement : float64 (k, beads, 3)
        Unit root sum square over the beads; the component of largest magnitude is positive.
    """

    eigenvalue: _Array
    displacement: _Array

    def __len__(self) -> int:
        """Return the number of modes."""
        return len(self.eigenvalue)


def normal_modes(model: BeadModel, count: int = 10) -> Modes:
    """Find the softest modes of a bead model.

    Up to 1,500 beads move one by one. A larger model is cut into 800 rigid blocks (``blocks``), between which
    the beads keep their own springs, and the beads follow the blocks around them. Same model, same modes.

    Parameters
    ----------
    model : BeadModel
    count : int
        Modes wanted; a model of n beads has no more than 3 n - 6.

    Raises
    ------
    StructureError
        Fewer than four beads, all beads in one plane, or parts that no spring holds in place.
    """
    points = model.centroid_angstrom.astype(np.float64)
    _check_shape(points)
    blocks = cut_into_blocks(points, len(points) if len(points) <= _NODES_MAX else _BLOCKS)
    bonds = bond_matrix(points, springs(points, cutoff_of(model.volume_angstrom3)), blocks)
    eigenvalue, coordinates = _softest(csc_array(bonds.T @ bonds), rigid_motions(points, blocks), count)
    return Modes(eigenvalue, _unit(interpolated(points, blocks, coordinates)))


def _check_shape(points: _Array) -> None:
    extent = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) if len(points) > 3 else np.zeros(1)
    if extent[-1] < _THIN_ANGSTROM * np.sqrt(len(points)):
        where = " in one plane" if len(points) > 3 else ""
        raise StructureError(
            f"found {len(points)} beads{where}, expected at least four that span three dimensions for an elastic "
            "network; give a larger structure."
        )


def _softest(hessian: csc_array, rigid: _Array, count: int) -> tuple[_Array, _Array]:
    """Eigenvalues (k,) and eigenvectors (k, coordinates) of the lowest modes beside the rigid ones.

    Shift-invert Lanczos; the rigid motions, the null space, are projected out of every vector.
    """
    size = hessian.shape[0]
    stiffness = float(hessian.diagonal().mean())
    shifted = csc_array(hessian + _SHIFT * stiffness * eye_array(size))
    factors = splu(
        shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )

    def project(vector: _Array) -> _Array:
        return np.asarray(vector - rigid @ (rigid.T @ vector))

    inverse = LinearOperator(hessian.shape, lambda v: project(factors.solve(project(v))), dtype=np.float64)
    start = project(np.random.default_rng(0).normal(size=size))
    eigenvalue, vectors = eigsh(
        hessian, min(count, size - 6), sigma=-_SHIFT * stiffness, OPinv=inverse, v0=start
    )
    if eigenvalue[0] < _FLOPPY * stiffness:
        raise StructureError(
            "found parts of the beads that the others do not hold in place, expected one elastic body; "
            "give a structure whose parts touch one another."
        )
    return eigenvalue, vectors.T


def _unit(displacement: _Array) -> _Array:
    flat = displacement.reshape(len(displacement), -1)
    largest = flat[np.arange(len(flat)), np.argmax(np.abs(flat), axis=1)]
    scale = np.sign(largest) / np.linalg.norm(flat, axis=1)
    return np.asarray(displacement * scale[:, None, None])
