import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from emsearch.imaging.rotations import (
    healpix_directions,
    multiply_quaternions,
    quaternion_about_beam,
    quaternion_from_direction,
    random_quaternions,
)
from emsearch.shapes.rotations import quaternions_to_matrices


def test_matrices_are_those_of_an_independent_program() -> None:
    q = random_quaternions(np.random.default_rng(1), 50)
    expected = Rotation.from_quat(q[:, [1, 2, 3, 0]]).as_matrix()
    np.testing.assert_allclose(quaternions_to_matrices(q), expected, atol=1e-12)


def test_a_product_is_the_right_rotation_followed_by_the_left() -> None:
    a, b = random_quaternions(np.random.default_rng(2), 2)
    product = quaternions_to_matrices(multiply_quaternions(a, b))
    np.testing.assert_allclose(product, quaternions_to_matrices(a) @ quaternions_to_matrices(b), atol=1e-12)


def test_turning_about_the_beam_takes_x_to_y() -> None:
    matrix = quaternions_to_matrices(quaternion_about_beam(np.array([90.0])))[0]
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_directions_are_turned_onto_the_beam_by_the_shortest_way() -> None:
    directions = np.concatenate([healpix_directions(2), [[0, 0, 1], [0, 0, -1]]])
    q = quaternion_from_direction(directions)
    beam = np.einsum("nij,nj->ni", quaternions_to_matrices(q), directions)
    np.testing.assert_allclose(beam, np.tile([0, 0, 1], (len(beam), 1)), atol=1e-6)
    turned = 2 * np.arccos(np.abs(q[:, 0]).clip(max=1))
    np.testing.assert_allclose(turned, np.arccos(directions[:, 2]), atol=1e-6)


@pytest.mark.parametrize("nside", [2, 4, 8])
def test_healpix_directions_are_even(nside: int) -> None:
    directions = healpix_directions(nside)
    assert len(directions) == 12 * nside**2
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(directions.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(directions.T @ directions / len(directions), np.eye(3) / 3, atol=0.02)
    cosine = directions @ directions.T
    np.fill_diagonal(cosine, -1)
    nearest = np.degrees(np.arccos(cosine.max(1).clip(max=1)))
    spacing = np.degrees(np.sqrt(4 * np.pi / len(directions)))
    assert nearest.min() > 0.6 * spacing
    assert nearest.max() < 1.2 * spacing


def test_healpix_begins_as_published() -> None:
    # Gorski et al. 2005, equations 4 and 5: first ring of nside 4 at z = 1 - 1 / 48, phi = 45, 135, 225, 315.
    first = healpix_directions(4)[:4]
    np.testing.assert_allclose(first[:, 2], 1 - 1 / 48)
    np.testing.assert_allclose(np.degrees(np.arctan2(first[:, 1], first[:, 0])), [45, 135, -135, -45])


def test_random_orientations_are_uniform() -> None:
    q = random_quaternions(np.random.default_rng(3), 20_000)
    np.testing.assert_allclose(q.T @ q / len(q), np.eye(4) / 4, atol=0.01)
