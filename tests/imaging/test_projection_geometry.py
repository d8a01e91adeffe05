"""Axes, handedness and signs: the beam runs along +z, x counts columns, y rows, the quaternion turns the structure."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import multiply_quaternions, quaternion_about_beam, random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel

PIXEL, BOX = 3.5, 64
MIDDLE = BOX // 2
HALF_TURN_ABOUT_Y = np.array([0.0, 0.0, 1.0, 0.0])


def project(cloud: BeadCloud, quaternion: NDArray[np.float64], fill: float = 1.0) -> Any:
    parameters = clean_parameters(quaternion, fill=fill)
    n = len(quaternion)
    return Simulator(cloud).projections(np.zeros(n, int), parameters, np.full(n, PIXEL), BOX).numpy()


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_projection_is_the_central_slice_of_the_transform(cloud: BeadCloud, model: BeadModel) -> None:
    quaternion = random_quaternions(np.random.default_rng(7), 5)
    images = project(cloud, quaternion).astype(np.float64)
    measured = np.fft.fft2(np.fft.ifftshift(images, axes=(1, 2)))
    k = np.fft.fftfreq(BOX)
    kx, ky = np.broadcast_arrays(k[None, :], k[:, None])
    passed = np.hypot(kx, ky) < 0.4
    in_image = np.stack([kx[passed], ky[passed], np.zeros(passed.sum())], axis=1) / PIXEL
    sigma = np.hypot(0.225 * 20, 1.2)
    for image, q in zip(measured, quaternion, strict=True):
        # A rotation takes structure to laboratory; its inverse takes the plane of the image into the structure.
        in_structure = Rotation.from_quat(q[[1, 2, 3, 0]]).inv().apply(in_image)
        phase = np.exp(-2j * np.pi * in_structure @ model.centroid_angstrom.T.astype(np.float64))
        slice_ = phase @ model.volume_angstrom3 * np.exp(-2 * (np.pi * sigma) ** 2 * (in_image**2).sum(1))
        assert np.abs(image[passed] - slice_).max() < 2e-3 * np.abs(slice_).max()


def test_quarter_turn_about_the_beam_turns_the_image(cloud: BeadCloud) -> None:
    q = random_quaternions(np.random.default_rng(8), 1)
    before, after = project(
        cloud, np.concatenate([q, multiply_quaternions(quaternion_about_beam(np.array([90.0])), q)])
    )
    # (x, y) goes to (-y, x): what stood on the right stands below.
    inner = slice(1, None)
    turned = np.rot90(before[inner, inner], -1)
    np.testing.assert_allclose(after[inner, inner], turned, atol=1e-3 * before.max())


@pytest.mark.parametrize("degrees", [37.0, -120.0])
def test_turn_about_the_beam_turns_from_x_towards_y(cloud: BeadCloud, degrees: float) -> None:
    q = random_quaternions(np.random.default_rng(9), 1)
    turn = quaternion_about_beam(np.array([degrees]))
    before, after = project(cloud, np.concatenate([q, multiply_quaternions(turn, q)]), fill=0.6)
    axis = np.arange(BOX) - MIDDLE
    x, y = np.broadcast_arrays(axis[None, :], axis[:, None])
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    sampled = map_coordinates(before, [MIDDLE - s * x + c * y, MIDDLE + c * x + s * y], order=3)
    assert correlation(after, sampled) > 0.9999
    assert correlation(after, before) < 0.98


def test_opposite_view_is_the_mirror_image_in_full_stain_only(cloud: BeadCloud) -> None:
    q = random_quaternions(np.random.default_rng(10), 1)
    both = np.concatenate([q, multiply_quaternions(HALF_TURN_ABOUT_Y, q)])
    front, back = project(cloud, both)[:, :, 1:]
    np.testing.assert_allclose(back, front[:, ::-1], atol=1e-3 * front.max())
    assert correlation(front, back) < 0.98
    front, back = project(cloud, both, fill=0.5)[:, :, 1:]
    assert correlation(back, front[:, ::-1]) < 0.98


def test_shift_moves_right_and_down(cloud: BeadCloud) -> None:
    parameters = clean_parameters(np.tile([1.0, 0, 0, 0], (2, 1)))
    parameters.shift_angstrom[1] = (5 * PIXEL, -3 * PIXEL)
    still, moved = Simulator(cloud).projections(np.zeros(2, int), parameters, np.full(2, PIXEL), BOX).numpy()
    np.testing.assert_allclose(moved, np.roll(still, (-3, 5), (0, 1)), atol=1e-3 * still.max())


def test_magnification_and_widening_enlarge(cloud: BeadCloud) -> None:
    parameters = clean_parameters(np.tile([1.0, 0, 0, 0], (3, 1)))
    parameters.magnification[1] = parameters.widening[2] = 1.2
    images = Simulator(cloud).projections(np.zeros(3, int), parameters, np.full(3, PIXEL), BOX).numpy()
    axis = np.arange(BOX) - MIDDLE
    mean_square = (images * (axis[:, None] ** 2 + axis**2)).sum((1, 2)) / images.sum((1, 2))
    assert mean_square[1] / mean_square[0] == pytest.approx(1.44, rel=1e-3)
    assert 1.38 < mean_square[2] / mean_square[0] < 1.44  # the blur stays
