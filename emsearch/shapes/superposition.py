"""Superposition of two structures by the overlap of their densities, in both hands.

The search runs from coarse to fine. At a coarse resolution all 24 rotations that map principal axes onto
principal axes are scored in both hands, and 4,000 evenly spread rotations besides where the axes are
ill-defined (two eigenvalues within 10 %). The best distinct ones of each hand are refined there, then the
better half of them at twice the resolution, and so on to that of the pair.

Eight starts a hand and eight finalists lose 0.0012 at most, 0.00005 on average, against 40,000 starts and
60 finalists at full resolution over 120 pairs of real assemblies of like extents; six and three lose up to
0.014.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.overlap import BlurredGrid, overlaps_linear
from emsearch.shapes.prepared import (
    MERGED_CELL_PER_RESOLUTION,
    MassPoints,
    PreparedShape,
    merge_points,
    prepare_shape,
)
from emsearch.shapes.refinement import refine_pose
from emsearch.shapes.rotations import axis_rotations, mirrored, quaternions_to_matrices, super_fibonacci
from emsearch.shapes.similarity import pair_grid, pair_resolution, points_at, self_overlap
from emsearch.structures.beads import BeadModel

__all__ = ["Superposition", "inverted", "superpose", "superpose_shapes"]

_ROTATIONS = 4000
_STARTS_PER_HAND = 8
_FINALISTS = 8
_DISTINCT_DEGREES = 12.0
_MAX_STEPS = 30
_HAND_FLIP = np.array([1.0, 1.0, -1.0])

_Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Effort:
    """How a refinement steps: its longest step over the resolution, and the relative gain that ends it."""

    step_per_resolution: float
    tolerance: float


_COARSE = _Effort(0.25, 1e-3)
_FINE = _Effort(0.1, 1e-4)


@dataclass(frozen=True, slots=True)
class Superposition:
    """How a structure b lies on a structure a: x_a ~ rotation @ S @ x_b + translation.

    Attributes
    ----------
    score : float
        Uncentred overlap, 1 for equal densities.
    rotation : float64 (3, 3)
        Proper, on column vectors.
    translation_angstrom : float64 (3,)
    mirror : bool
        S is diag(1, 1, -1) where true, the identity where false.
    resolution_angstrom : float
        To which both densities were blurred.
    """

    score: float
    rotation: _Matrix
    translation_angstrom: NDArray[np.float64]
    mirror: bool
    resolution_angstrom: float


@dataclass(frozen=True, slots=True)
class _Pose:
    """An orthogonal matrix, of either hand, and a shift, from the moving principal axes to the fixed ones."""

    matrix: _Matrix
    shift: NDArray[np.float64]
    overlap: float


def superpose(a: BeadModel, b: BeadModel) -> Superposition:
    """Superpose b on a; `superpose_shapes` on shapes prepared once is quicker for many pairs."""
    return superpose_shapes(prepare_shape(a), prepare_shape(b))


def superpose_shapes(a: PreparedShape, b: PreparedShape) -> Superposition:
    """Superpose b on a in either hand, from all starts, and score at the resolution of the pair.

    The score does not depend on the order of the two, and the poses of both orders are inverse to each other.
    """
    swapped = _order(b) > _order(a)
    fixed, moving = (b, a) if swapped else (a, b)
    resolution = pair_resolution(a, b)
    fixed_points, moving_points = points_at(fixed, resolution), points_at(moving, resolution)
    pose = _best_pose(fixed, moving, fixed_points, moving_points, resolution)
    norm = self_overlap(fixed_points, resolution) * self_overlap(moving_points, resolution)
    found = _in_own_frames(fixed, moving, pose, float(pose.overlap / np.sqrt(norm)), resolution)
    return inverted(found) if swapped else found


def inverted(superposition: Superposition) -> Superposition:
    """Return the superposition of a on b from that of b on a."""
    flip = _HAND_FLIP if superposition.mirror else np.ones(3)
    back = superposition.rotation.T
    return Superposition(
        superposition.score,
        flip[:, None] * back * flip,
        -flip * (back @ superposition.translation_angstrom),
        superposition.mirror,
        superposition.resolution_angstrom,
    )


def _order(shape: PreparedShape) -> tuple[int, float, float, float]:
    """Key by which one of a pair is held fixed, whatever their order: the one of more points, for speed."""
    return (len(shape.points.mass), *shape.gyration_angstrom2)


def _best_pose(
    fixed: PreparedShape,
    moving: PreparedShape,
    fixed_points: MassPoints,
    moving_points: MassPoints,
    resolution: float,
) -> _Pose:
    coarse = max(fixed.search_resolution_angstrom, moving.search_resolution_angstrom, resolution)
    poses = _search(fixed, moving, coarse)
    for level in _levels(coarse, resolution):
        cell = level * MERGED_CELL_PER_RESOLUTION
        moved = merge_points(moving_points, cell)
        grid = pair_grid(merge_points(fixed_points, cell), moved, level)
        poses = _refined(grid, moved, poses, moving, level, _FINE)
        poses = poses[: max(_FINALISTS, len(poses) // 2)]
    grid = pair_grid(fixed_points, moving_points, resolution)
    finalists = poses[:_FINALISTS]
    return _refined(grid, moving_points, finalists, moving, resolution, _FINE)[0]


def _levels(coarse: float, fine: float) -> list[float]:
    """Halve the resolution from the coarse to the fine one, both left out.

    >>> _levels(100.0, 20.0)
    [50.0, 25.0]
    """
    levels = []
    while coarse > 2.4 * fine:
        coarse /= 2.0
        levels.append(coarse)
    return levels


def _search(fixed: PreparedShape, moving: PreparedShape, resolution: float) -> list[_Pose]:
    """Score all starts at a coarse resolution and refine the best distinct ones of each hand there."""
    points = moving.search_points
    grid = pair_grid(fixed.search_points, points, resolution)
    poses = []
    for starts in _starts(fixed.degenerate or moving.degenerate):
        score = overlaps_linear(
            grid.coefficients,
            grid.origin_angstrom,
            grid.spacing_angstrom,
            points.position,
            points.mass,
            starts,
        )
        poses += [_Pose(starts[k], np.zeros(3), float(score[k])) for k in _best_distinct(starts, score)]
    return _refined(grid, points, poses, moving, resolution, _COARSE)


@lru_cache(maxsize=2)
def _starts(all_orientations: bool) -> tuple[_Matrix, _Matrix]:
    """Return the starting rotations of both hands."""
    proper = axis_rotations()
    if all_orientations:
        proper = np.concatenate([proper, quaternions_to_matrices(super_fibonacci(_ROTATIONS))])
    return proper, mirrored(proper)


def _best_distinct(matrices: _Matrix, score: NDArray[np.float32]) -> list[int]:
    """Choose the highest scores whose rotations, all of one hand, differ by some degrees from one another."""
    least_trace = 1.0 + 2.0 * np.cos(np.radians(_DISTINCT_DEGREES))
    free = np.ones(len(matrices), np.bool_)
    chosen: list[int] = []
    for k in np.argsort(-score, kind="stable").tolist():
        if free[k]:
            chosen.append(k)
            if len(chosen) == _STARTS_PER_HAND:
                break
            free &= np.einsum("kij,ij->k", matrices, matrices[k]) < least_trace
    return chosen


def _refined(
    grid: BlurredGrid,
    points: MassPoints,
    poses: list[_Pose],
    moving: PreparedShape,
    resolution: float,
    effort: _Effort,
) -> list[_Pose]:
    """Refine poses on a grid and return them best first."""
    refined = [
        _Pose(
            *refine_pose(
                grid.coefficients,
                grid.origin_angstrom,
                grid.spacing_angstrom,
                points.position,
                points.mass,
                pose.matrix,
                pose.shift,
                moving.rg_angstrom,
                effort.step_per_resolution * resolution,
                effort.tolerance,
                _MAX_STEPS,
            )
        )
        for pose in poses
    ]
    return sorted(refined, key=lambda pose: -pose.overlap)


def _in_own_frames(
    fixed: PreparedShape, moving: PreparedShape, pose: _Pose, score: float, resolution: float
) -> Superposition:
    """Express a pose between principal axes in the frames that the two structures came in."""
    matrix = fixed.axes.T @ pose.matrix @ moving.axes
    translation = fixed.axes.T @ pose.shift + fixed.centre_angstrom - matrix @ moving.centre_angstrom
    mirror = bool(np.linalg.det(matrix) < 0.0)
    rotation = matrix * _HAND_FLIP if mirror else matrix
    return Superposition(score, rotation, translation, mirror, resolution)
