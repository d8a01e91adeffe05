"""Shape similarity: the uncentred overlap of two densities, int(rhoA rhoB) / sqrt(int rhoA^2 int rhoB^2).

Beads blurred to resolution d are Gaussians of variance (0.225 d)^2 (the convention of ChimeraX molmap) plus
their own. Each structure enters with its mean bead variance, so that the score is symmetric and independent
of any box.
"""

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.overlap import BlurredGrid, blurred_grid, overlap
from emsearch.shapes.prepared import (
    MERGED_CELL_PER_RESOLUTION,
    MassPoints,
    PreparedShape,
    comparison_resolution,
    merge_points,
)

__all__ = [
    "pair_grid",
    "pair_resolution",
    "points_at",
    "self_overlap",
    "similarity_of_pose",
]

_SIGMA_PER_RESOLUTION = 0.225
_SPACING_PER_RESOLUTION = 1.0 / 3.0
_MERGED_FINELY_ENOUGH = 0.75  # points merged for a resolution serve down to this fraction of it


def pair_resolution(a: PreparedShape, b: PreparedShape) -> float:
    """Return the resolution of a pair: min(20 A, half the smaller Rg), no finer than the wider beads bear."""
    rg = min(a.rg_angstrom, b.rg_angstrom)
    return comparison_resolution(rg, max(a.bead_width_angstrom, b.bead_width_angstrom))


def points_at(shape: PreparedShape, resolution_angstrom: float) -> MassPoints:
    """Return the shape's points merged finely enough for a resolution."""
    if resolution_angstrom >= _MERGED_FINELY_ENOUGH * shape.resolution_angstrom:
        return shape.points
    return merge_points(shape.beads, resolution_angstrom * MERGED_CELL_PER_RESOLUTION)


def pair_grid(fixed: MassPoints, moving: MassPoints, resolution_angstrom: float) -> BlurredGrid:
    """Return the fixed density blurred by the widths of both, on which the moving points are evaluated."""
    variance = (
        2.0 * (_SIGMA_PER_RESOLUTION * resolution_angstrom) ** 2
        + fixed.variance_angstrom2
        + moving.variance_angstrom2
    )
    return blurred_grid(fixed.position, fixed.mass, variance, resolution_angstrom * _SPACING_PER_RESOLUTION)


def self_overlap(points: MassPoints, resolution_angstrom: float) -> float:
    """Return int rho^2 at a resolution, in 1/A^3 (masses are fractions)."""
    grid = pair_grid(points, points, resolution_angstrom)
    return _overlap(grid, points, np.eye(3), np.zeros(3))


def similarity_of_pose(
    fixed: MassPoints,
    moving: MassPoints,
    matrix: NDArray[np.float64],
    shift_angstrom: NDArray[np.float64],
    resolution_angstrom: float,
) -> float:
    """Return the score of one pose, ``matrix @ moving + shift`` on ``fixed``; 1 for equal densities."""
    grid = pair_grid(fixed, moving, resolution_angstrom)
    between = _overlap(grid, moving, matrix, shift_angstrom)
    norm = self_overlap(fixed, resolution_angstrom) * self_overlap(moving, resolution_angstrom)
    return float(between / np.sqrt(norm))


def _overlap(
    grid: BlurredGrid, points: MassPoints, matrix: NDArray[np.float64], shift: NDArray[np.float64]
) -> float:
    return float(
        overlap(
            grid.coefficients,
            grid.origin_angstrom,
            grid.spacing_angstrom,
            points.position,
            points.mass,
            matrix,
            shift,
        )
    )
