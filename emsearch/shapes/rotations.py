"""Rotations. Matrices act on column vectors; quaternions are (w, x, y, z)."""

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

__all__ = ["axis_rotations", "mirrored", "quaternions_to_matrices", "super_fibonacci"]

_PSI = 1.533751168755204288118041413  # Alexa 2022: the positive root of psi^4 = psi + 4


def axis_rotations() -> NDArray[np.float64]:
    """Return the 24 proper rotations that map the coordinate axes onto themselves, (24, 3, 3).

    >>> axis_rotations().shape
    (24, 3, 3)
    """
    matrices = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                matrices.append(matrix)
    return np.array(matrices)


def super_fibonacci(count: int) -> NDArray[np.float64]:
    """Return evenly spread rotations as unit quaternions, (count, 4).

    M. Alexa, "Super-Fibonacci spirals: fast, low-discrepancy sampling of SO(3)", CVPR 2022.

    >>> bool(np.allclose(np.linalg.norm(super_fibonacci(10), axis=1), 1.0))
    True
    """
    s = np.arange(count) + 0.5
    alpha, beta = 2.0 * np.pi * s / np.sqrt(2.0), 2.0 * np.pi * s / _PSI
    inner, outer = np.sqrt(s / count), np.sqrt(1.0 - s / count)
    return np.stack(
        [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)], axis=1
    )


def quaternions_to_matrices(quaternion: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return rotation matrices (..., 3, 3) of unit quaternions (..., 4).

    >>> quaternions_to_matrices(np.array([1.0, 0.0, 0.0, 0.0])).astype(int).tolist()
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    """
    w, x, y, z = np.moveaxis(np.asarray(quaternion, np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def mirrored(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same rotations after z -> -z: orthogonal matrices of determinant -1."""
    flip: NDArray[np.float64] = np.array([1.0, 1.0, -1.0])
    return matrices * flip
