from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from emsearch.evaluation.poses import PoseErrors, rotation_error_degrees
from emsearch.evaluation.subjects import Subject
from emsearch.imaging.rotations import multiply_quaternions, quaternion_about_beam, random_quaternions
from emsearch.search.answering import Matched
from emsearch.search.framing import Sampling
from emsearch.search.matching import Match, Pose
from emsearch.search.proposal import Candidate
from emsearch.shapes.rotations import quaternions_to_matrices

if TYPE_CHECKING:
    from emsearch.search.engine import SearchIndex

NONE = np.eye(3)[None]
FOUR_FOLD = quaternions_to_matrices(quaternion_about_beam(np.arange(4) * 90.0))


def matched(
    structure: str, quaternion: NDArray[np.float64], shift_px: tuple[float, float], scale: float = 1.0
) -> Matched:
    pose = Pose(quaternion, shift_px, 1.0, 1.0, 20.0, 0.0, 0.1)
    candidate = Candidate(2, 0.5, 0.5, 0.5, 0.9, structure, Sampling(0, 4.5, 1.0))
    return Matched(candidate, Match(pose, 0.0, 0.9, True, 0.0, 0.1, 0.9, 0.5), scale)


def rotations(seed: int, n: int) -> NDArray[np.float64]:
    return quaternions_to_matrices(random_quaternions(np.random.default_rng(seed), n))


@given(st.integers(0, 1000))
def test_the_truth_has_no_error_and_neither_has_a_symmetric_pose(seed: int) -> None:
    (true,) = rotations(seed, 1)
    assert rotation_error_degrees(true, true, NONE) == pytest.approx((0, 0), abs=1e-4)
    for operation in FOUR_FOLD:
        assert rotation_error_degrees(true, true @ operation, FOUR_FOLD) == pytest.approx((0, 0), abs=1e-4)
    assert sum(rotation_error_degrees(true, true @ FOUR_FOLD[1], NONE)) > 1


@given(st.integers(0, 1000), st.integers(0, 3))
def test_errors_do_not_change_under_a_symmetry_operation(seed: int, k: int) -> None:
    true, found = rotations(seed, 2)
    plain = rotation_error_degrees(true, found, FOUR_FOLD)
    assert rotation_error_degrees(true, found @ FOUR_FOLD[k], FOUR_FOLD) == pytest.approx(plain, abs=1e-4)
    assert rotation_error_degrees(true @ FOUR_FOLD[k], found, FOUR_FOLD) == pytest.approx(plain, abs=1e-4)


@given(st.integers(0, 1000), st.floats(1, 170), st.floats(-170, 170))
def test_a_tilt_after_a_turn_gives_both_back(seed: int, tilt: float, turn: float) -> None:
    rng = np.random.default_rng(seed)
    (true,) = rotations(seed, 1)
    bearing = rng.uniform(0, 2 * np.pi)
    half = np.radians(tilt) / 2
    axis = np.array([np.cos(half), np.sin(half) * np.cos(bearing), np.sin(half) * np.sin(bearing), 0])
    step = multiply_quaternions(axis, quaternion_about_beam(np.array(turn)))
    found = quaternions_to_matrices(step) @ true
    assert rotation_error_degrees(true, found, NONE) == pytest.approx((tilt, abs(turn)), abs=1e-4)


def test_direction_error_is_the_angle_between_the_beams_in_the_molecule() -> None:
    true, found = rotations(4, 2)
    angle = np.degrees(np.arccos(true[2] @ found[2]))
    assert rotation_error_degrees(true, found, NONE)[0] == pytest.approx(angle)


def test_shift_is_in_angstrom_of_the_image(family_index: "SearchIndex") -> None:
    quaternion = np.array([0.6, 0.0, 0.8, 0.0])
    found = matched("blob1", quaternion, (3.0, -2.0), scale=0.5)  # 6 and -4 px of the image
    error = PoseErrors(family_index).error(
        Subject(1, "blob1"), quaternion, np.array([25.0, -18.0]), found, 4.5
    )
    assert error is not None
    assert (error.direction_degrees, error.in_plane_degrees) == pytest.approx((0, 0), abs=1e-4)
    assert error.shift_angstrom == pytest.approx(2.0)


def test_the_pose_of_a_relative_is_carried_over(family_index: "SearchIndex") -> None:
    """The twin is blob2 turned by the quaternion 0.5 (1, 1, 1, 1): the same image, another pose."""
    of_twin = np.array([0.1, 0.7, -0.5, 0.5])
    of_twin /= np.linalg.norm(of_twin)
    of_blob = multiply_quaternions(of_twin, np.array([0.5, 0.5, 0.5, 0.5]))
    errors = PoseErrors(family_index)
    for subject, own, other, theirs in (
        ("twin2", of_twin, "blob2", of_blob),
        ("blob2", of_blob, "twin2", of_twin),
    ):
        error = errors.error(Subject(2, subject), own, np.zeros(2), matched(other, theirs, (0.0, 0.0)), 4.5)
        assert error is not None
        assert (error.direction_degrees, error.in_plane_degrees) == pytest.approx((0, 0), abs=1e-4)
        assert error.shift_angstrom == pytest.approx(0)
