"""Beads in rigid blocks, so that the modes of a large model need few unknowns.

F. Tama, F. X. Gadea, O. Marques and Y.-H. Sanejouand, Proteins 41:1 (2000): rotations and translations of
blocks. A block of one bead has no rotation, so that the plain network is the case of as many blocks as beads.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

__all__ = ["Blocks", "bond_matrix", "cut_into_blocks", "interpolated", "rigid_motions"]

_INERTIA_MIN_ANGSTROM2 = 0.1  # about an axis on which all beads of the block lie
_INTERPOLATED_FROM = 6
_EQUAL_AXES = 0.99
_SMALL = 0.3
_TIE_ANGSTROM = 1e-3  # points closer than this along the axis are cut in their own order

_Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rigid blocks and their orthonormal coordinates, three translations and three rotations each.

    Attributes
    ----------
    owner : int64 (n,)
        The block of each bead.
    centre_angstrom : float64 (b, 3)
    basis : float64 (b, 6, 6)
        Columns: translation (first three rows) and rotation vector (last three) for one unit of a coordinate.
        A unit moves the beads by a root sum square of 1 A. A rotation that moves no bead is a column of zeros.
    """

    owner: NDArray[np.int64]
    centre_angstrom: _Array
    basis: _Array

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self.centre_angstrom)

    def free(self) -> NDArray[np.bool_]:
        """Say which of the 6 b coordinates move a bead."""
        return np.asarray(self.basis.any(axis=1).ravel())


def cut_into_blocks(points_angstrom: _Array, count: int) -> Blocks:
    """Cut points (n, 3) into ``count`` blocks of like numbers, across the longest principal axis each time."""
    parts = _halved(points_angstrom, np.arange(len(points_angstrom)), min(count, len(points_angstrom)))
    owner = np.empty(len(points_angstrom), np.int64)
    for block, part in enumerate(parts):
        owner[part] = block
    size = np.bincount(owner)
    centre = np.stack([np.bincount(owner, column) / size for column in points_angstrom.T], axis=1)
    return Blocks(owner, centre, _basis(points_angstrom - centre[owner], owner, size))


def _halved(points: _Array, index: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    if count == 1:
        return [index]
    if count == len(index):
        return list(index[:, None])
    along = np.rint((points[index] @ _longest_axis(points[index])) / _TIE_ANGSTROM)
    order = index[np.argsort(along, kind="stable")]
    left = count // 2
    cut = len(index) * left // count
    return _halved(points, order[:cut], left) + _halved(points, order[cut:], count - left)


def _longest_axis(points: _Array) -> _Array:
    """Principal axis, or where two are as long, the coordinate axis of the longest extent.

    A sphere or a ring has no longest principal axis but for rounding errors, which differ between processors.
    The first component that is not small is positive.
    """
    offset = points - points.mean(axis=0)
    length, axes = np.linalg.eigh(offset.T @ offset)
    axis = axes[:, 2]
    if length[1] > _EQUAL_AXES * length[2]:
        axis = np.eye(3)[np.argmax(np.ptp(points, axis=0))]
    return np.asarray(axis * np.sign(axis[np.argmax(np.abs(axis) > _SMALL)]))


def _inertia(offset: _Array, owner: NDArray[np.int64], count: int) -> _Array:
    """Sum |d|^2 1 - d d^T over the beads of each block, (b, 3, 3)."""
    square = np.sum(offset**2, axis=1)[:, None, None] * np.eye(3)
    each = square - offset[:, :, None] * offset[:, None, :]
    total = np.zeros((count, 3, 3))
    np.add.at(total, owner, each)
    return total


def _basis(offset: _Array, owner: NDArray[np.int64], size: NDArray[np.int64]) -> _Array:
    moment, axes = np.linalg.eigh(_inertia(offset, owner, len(size)))
    turns = moment > _INERTIA_MIN_ANGSTROM2
    scale = np.where(turns, 1.0 / np.sqrt(np.where(turns, moment, 1.0)), 0.0)
    basis = np.zeros((len(size), 6, 6))
    basis[:, :3, :3] = np.eye(3) / np.sqrt(size)[:, None, None]
    basis[:, 3:, 3:] = axes * scale[:, None, :]
    return basis


def _moves(direction: _Array, offset: _Array, basis: _Array) -> _Array:
    """Displacement along ``direction`` (m, 3) of beads at ``offset`` for a unit of each coordinate, (m, 6)."""
    wrench = np.concatenate([direction, np.cross(offset, direction)], axis=1)
    return np.asarray(np.einsum("mi,mij->mj", wrench, basis))


def bond_matrix(points_angstrom: _Array, pairs: NDArray[np.int64], blocks: Blocks) -> csr_array:
    """Return by how much each spring lengthens for a unit of each free coordinate, sparse (m, coordinates).

    With unit spring constants its product B^T B is the Hessian of the anisotropic network. Springs within a
    block are left out.
    """
    pairs = pairs[blocks.owner[pairs[:, 0]] != blocks.owner[pairs[:, 1]]]
    first, second = pairs.T
    bond = points_angstrom[second] - points_angstrom[first]
    bond /= np.linalg.norm(bond, axis=1)[:, None]
    offset = points_angstrom - blocks.centre_angstrom[blocks.owner]
    ends = [(first, -bond), (second, bond)]
    values = [_moves(to, offset[bead], blocks.basis[blocks.owner[bead]]) for bead, to in ends]
    columns = [6 * blocks.owner[bead][:, None] + np.arange(6) for bead, _ in ends]
    whole = csr_array(
        (np.hstack(values).ravel(), np.hstack(columns).ravel(), np.arange(len(pairs) + 1) * 12),
        shape=(len(pairs), 6 * len(blocks)),
    )
    return csr_array(whole[:, np.flatnonzero(blocks.free())])


def rigid_motions(points_angstrom: _Array, blocks: Blocks) -> _Array:
    """Return an orthonormal basis of the motions of the whole as one body, (coordinates, 6)."""
    offset = points_angstrom - points_angstrom.mean(axis=0)
    local = points_angstrom - blocks.centre_angstrom[blocks.owner]
    basis = blocks.basis[blocks.owner]
    motion = np.zeros((len(blocks), 6, 6))
    for axis in range(3):
        shift = np.broadcast_to(np.eye(3)[axis], offset.shape)
        np.add.at(motion[:, :, axis], blocks.owner, _moves(shift, local, basis))
        np.add.at(motion[:, :, 3 + axis], blocks.owner, _moves(np.cross(shift, offset), local, basis))
    orthonormal, _ = np.linalg.qr(motion.reshape(-1, 6)[blocks.free()])
    return np.asarray(orthonormal)


def interpolated(points_angstrom: _Array, blocks: Blocks, coordinates: _Array) -> _Array:
    """Move the points with the blocks around them.

    A point follows the mean motion of its six nearest blocks, with weights (1 - r^2 / r_6^2)^2 that vanish at
    the sixth, so that neighbours on either side of a border stay together. A motion of all blocks as one body
    is kept exactly, and blocks of one bead move that bead.

    Parameters
    ----------
    points_angstrom : float64 (n, 3)
    blocks : Blocks
        Of these points.
    coordinates : float64 (k, coordinates)
        The free ones, of k motions.

    Returns
    -------
    float64 (k, n, 3)
        Displacements.
    """
    whole = np.zeros((len(coordinates), 6 * len(blocks)))
    whole[:, blocks.free()] = coordinates
    motion = np.einsum("bij,kbj->kbi", blocks.basis, whole.reshape(len(coordinates), -1, 6))
    if len(blocks) == len(points_angstrom):
        return np.asarray(motion[:, blocks.owner, :3])
    near = np.arange(1, min(_INTERPOLATED_FROM, len(blocks)) + 1)
    distance, index = map(np.asarray, cKDTree(blocks.centre_angstrom).query(points_angstrom, near))
    weight: _Array = (1.0 - (distance / distance[:, -1:]) ** 2) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    moved = np.zeros((len(coordinates), *points_angstrom.shape))
    for share, block in zip(weight.T, index.T, strict=True):
        offset = points_angstrom - blocks.centre_angstrom[block]
        moved += share[:, None] * (motion[:, block, :3] + np.cross(motion[:, block, 3:], offset))
    return moved
