import numpy as np

from emsearch.shapes.rotations import axis_rotations, mirrored, quaternions_to_matrices, super_fibonacci


def test_axis_rotations_are_a_group_of_24() -> None:
    matrices = axis_rotations()
    assert np.allclose(np.linalg.det(matrices), 1.0)
    assert len({tuple(matrix.ravel().tolist()) for matrix in matrices}) == 24


def test_mirrored_matrices_have_the_other_hand() -> None:
    assert np.allclose(np.linalg.det(mirrored(axis_rotations())), -1.0)


def test_super_fibonacci_leaves_no_large_gap() -> None:
    matrices = quaternions_to_matrices(super_fibonacci(4000))
    assert np.allclose(matrices @ np.swapaxes(matrices, 1, 2), np.eye(3))
    probes = quaternions_to_matrices(super_fibonacci(101))
    traces = np.einsum("aij,bij->ab", probes, matrices).max(axis=1)
    assert np.degrees(np.arccos((traces.min() - 1.0) / 2.0)) < 15.0
