"""The overlap kernels against the sum over all pairs of Gaussians, and their gradient against differences."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from emsearch.shapes.overlap import blurred_grid, overlap, overlap_gradient, overlaps_linear
from emsearch.structures.beads import BeadModel

Make = Callable[..., BeadModel]
VARIANCE, SPACING = 40.0, 6.0
SHIFT = np.array([3.0, -5.0, 2.0])


@pytest.fixture
def matrix() -> NDArray[np.float64]:
    return np.asarray(Rotation.random(random_state=4).as_matrix())


def test_overlap_is_the_sum_over_pairs(blob: Make, matrix: NDArray[np.float64]) -> None:
    a, b = blob(1, (60, 40, 30), 300), blob(2, (60, 40, 30), 200)
    grid = blurred_grid(a.centroid_angstrom, a.mass_da, VARIANCE, SPACING)
    arguments = (grid.coefficients, grid.origin_angstrom, SPACING, b.centroid_angstrom, b.mass_da)
    posed = b.centroid_angstrom @ matrix.T + SHIFT
    squares = cdist(a.centroid_angstrom, posed, "sqeuclidean")
    gaussians = np.exp(-squares / (2 * VARIANCE)) / (2 * np.pi * VARIANCE) ** 1.5
    expected = a.mass_da @ gaussians @ b.mass_da
    assert overlap(*arguments, matrix, SHIFT) == pytest.approx(expected, rel=2e-3)
    unshifted = overlap(*arguments, matrix, np.zeros(3))
    assert overlaps_linear(*arguments, matrix[None])[0] == pytest.approx(unshifted, rel=0.05)


def test_gradient_is_that_of_the_overlap(blob: Make, matrix: NDArray[np.float64]) -> None:
    a, b = blob(1, (60, 40, 30), 300), blob(2, (60, 40, 30), 200)
    grid = blurred_grid(a.centroid_angstrom, a.mass_da, VARIANCE, SPACING)
    arguments = (grid.coefficients, grid.origin_angstrom, SPACING, b.centroid_angstrom, b.mass_da)
    gradient = np.empty(6)
    value = overlap_gradient(*arguments, matrix, SHIFT, gradient)
    assert value == pytest.approx(overlap(*arguments, matrix, SHIFT), rel=1e-5)
    for k, size in enumerate([1e-2] * 3 + [0.3] * 3):
        step = np.zeros(6)
        step[k] = size
        turn = Rotation.from_rotvec(step[:3]).as_matrix()
        ahead = overlap(*arguments, turn @ matrix, SHIFT + step[3:])
        behind = overlap(*arguments, turn.T @ matrix, SHIFT - step[3:])
        assert (ahead - behind) / (2 * size) == pytest.approx(gradient[k], rel=0.02, abs=1e-3 * abs(value))


def test_nothing_overlaps_far_away(blob: Make) -> None:
    a = blob(1, (60, 40, 30), 300)
    grid = blurred_grid(a.centroid_angstrom, a.mass_da, VARIANCE, SPACING)
    far = overlap(
        grid.coefficients,
        grid.origin_angstrom,
        SPACING,
        a.centroid_angstrom,
        a.mass_da,
        np.eye(3),
        np.array([1e4, 0, 0]),
    )
    assert far == 0.0
