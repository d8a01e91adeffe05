"""The rotations that lay a structure on itself, found from its density: its symmetry as an image can see it.

A complex of alike chains may have a higher symmetry here than its point group by sequence: a thermosome of two kinds of
subunit is D4, and D8 at 20 A.
"""

import numpy as np
from numpy.typing import NDArray

from emsearch.shapes.overlap import overlaps_linear
from emsearch.shapes.prepared import MassPoints, prepare_shape
from emsearch.shapes.refinement import refine_pose
from emsearch.shapes.rotations import axis_rotations, quaternions_to_matrices, super_fibonacci
from emsearch.shapes.similarity import pair_grid, self_overlap
from emsearch.structures.beads import BeadModel

__all__ = ["LEAST_SCORE", "self_rotations"]

LEAST_SCORE = 0.97
"""Overlap of a structure with itself turned, from which on the turn may be a symmetry."""

_ROTATIONS = 4000
_STARTS = 200  # of the 60 rotations of an icosahedron each is met
_START_SCORE, _COARSE_SCORE = 0.6, 0.85
_START_DEGREES, _SAME_DEGREES = 12.0, 6.0
_CLOSED_DEGREES = 8.0
_MAX_STEPS = 30

_Matrices = NDArray[np.float64]


def self_rotations(model: BeadModel) -> _Matrices:
    """Return the rotations (n, 3, 3) that map a bead model on itself, the identity first, in the model's own frame.

    Rotations between principal axes, and 4,000 evenly spread ones where those axes are ill-defined, are refined to
    the nearest maximum of the overlap of the density with itself at the resolution at which shapes are compared
    (`comparison_resolution`). Of those that score 0.97 or more, best first, the most that make a group are kept.
    Turns are about the centre of mass.
    """
    shape = prepare_shape(model)
    starts = axis_rotations()
    if shape.degenerate:
        starts = np.concatenate([starts, quaternions_to_matrices(super_fibonacci(_ROTATIONS))])
    coarse = shape.search_resolution_angstrom
    starts = _best_starts(shape.search_points, coarse, starts)
    radius = shape.rg_angstrom
    found, score = _maxima(shape.search_points, coarse, starts, radius, 0.25 * coarse)
    fine = shape.resolution_angstrom
    found, score = _maxima(shape.points, fine, found[score >= _COARSE_SCORE], radius, 0.1 * fine)
    twice = _products(
        _with_identity(found[score >= LEAST_SCORE])
    )  # what the search missed follows from the rest
    found, score = _maxima(shape.points, fine, twice[:_STARTS], radius, 0.1 * fine)
    group = _largest_group(_with_identity(found[score >= LEAST_SCORE]))
    return np.asarray(shape.axes.T @ group @ shape.axes)


def _best_starts(points: MassPoints, resolution: float, starts: _Matrices) -> _Matrices:
    """Return the starts of high score that differ from one another, best first."""
    grid = pair_grid(points, points, resolution)
    overlap = overlaps_linear(
        grid.coefficients, grid.origin_angstrom, grid.spacing_angstrom, points.position, points.mass, starts
    )
    score = overlap / self_overlap(points, resolution)
    order = np.argsort(-score, kind="stable")
    return starts[_distinct(starts, order[score[order] >= _START_SCORE], _START_DEGREES)[:_STARTS]]


def _maxima(
    points: MassPoints, resolution: float, starts: _Matrices, radius: float, longest_step: float
) -> tuple[_Matrices, NDArray[np.float64]]:
    """Refine rotations and return the distinct ones (n, 3, 3) with their scores (n,), best first."""
    grid = pair_grid(points, points, resolution)
    refined = [
        refine_pose(
            grid.coefficients,
            grid.origin_angstrom,
            grid.spacing_angstrom,
            points.position,
            points.mass,
            start,
            np.zeros(3),
            radius,
            longest_step,
            1e-4,
            _MAX_STEPS,
        )
        for start in starts
    ]
    matrices = np.array([matrix for matrix, _, _ in refined])
    score = np.array([value for _, _, value in refined]) / self_overlap(points, resolution)
    kept = _distinct(matrices, np.argsort(-score, kind="stable"), _SAME_DEGREES)
    return matrices[kept], score[kept]


def _least_trace(degrees: float) -> float:
    """Return the trace of a rotation by so much; of a smaller one it is larger."""
    return float(1.0 + 2.0 * np.cos(np.radians(degrees)))


def _distinct(matrices: _Matrices, order: NDArray[np.integer], degrees: float) -> list[int]:
    """Choose in a given order what differs by so many degrees from everything chosen before."""
    free = np.ones(len(matrices), np.bool_)
    chosen: list[int] = []
    for k in order.tolist():
        if free[k]:
            chosen.append(k)
            free &= np.einsum("kij,ij->k", matrices, matrices[k]) < _least_trace(degrees)
    return chosen


def _with_identity(matrices: _Matrices) -> _Matrices:
    """Put the identity first, in the place of what is near it."""
    every = np.concatenate([np.eye(3)[None], matrices])
    return np.asarray(every[_distinct(every, np.arange(len(every)), _SAME_DEGREES)])


def _products(matrices: _Matrices) -> _Matrices:
    """Return the distinct products of two, those with the identity first."""
    products = np.einsum("aij,bjk->abik", matrices, matrices).reshape(-1, 3, 3)
    return np.asarray(products[_distinct(products, np.arange(len(products)), _START_DEGREES)])


def _largest_group(matrices: _Matrices) -> _Matrices:
    """Return the longest run from the first rotation on that is closed under multiplication."""
    products = np.einsum("aij,bjk->abik", matrices, matrices)
    near = np.einsum("abij,cij->abc", products, matrices) >= _least_trace(_CLOSED_DEGREES)
    lengths = range(len(matrices), 1, -1)
    closed = next((n for n in lengths if near[:n, :n, :n].any(2).all()), 1)
    return matrices[:closed]
