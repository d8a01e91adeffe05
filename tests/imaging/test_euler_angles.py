import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from emsearch.imaging.euler_angles import euler_zyz_degrees
from emsearch.shapes.rotations import quaternions_to_matrices


def relion_matrix(rot: float, tilt: float, psi: float) -> NDArray[np.float64]:
    """Element by element as RELION's Euler_angles2matrix has it."""
    ca, cb, cg = (math.cos(math.radians(angle)) for angle in (rot, tilt, psi))
    sa, sb, sg = (math.sin(math.radians(angle)) for angle in (rot, tilt, psi))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


numbers = st.floats(-1, 1)


@given(st.tuples(numbers, numbers, numbers, numbers))
def test_angles_describe_the_rotation_of_the_quaternion(parts: tuple[float, ...]) -> None:
    length = math.sqrt(sum(part * part for part in parts))
    assume(length > 1e-3)
    quaternion = np.array([parts]) / length
    rot, tilt, psi = euler_zyz_degrees(quaternion)[0]
    np.testing.assert_allclose(
        relion_matrix(rot, tilt, psi), quaternions_to_matrices(quaternion)[0], atol=1e-9
    )
    assert 0 <= tilt <= 180
    assert -180 <= rot < 180
    assert -180 <= psi < 180


@given(st.floats(-179.9, 179.9), st.floats(1, 179), st.floats(-179.9, 179.9))
def test_angles_come_back_through_a_quaternion(rot: float, tilt: float, psi: float) -> None:
    half_sum, half_difference, half_tilt = (math.radians(angle) / 2 for angle in (psi + rot, psi - rot, tilt))
    quaternion = [
        math.cos(half_tilt) * math.cos(half_sum),
        -math.sin(half_tilt) * math.sin(half_difference),
        -math.sin(half_tilt) * math.cos(half_difference),
        -math.cos(half_tilt) * math.sin(half_sum),
    ]
    np.testing.assert_allclose(euler_zyz_degrees(np.array([quaternion]))[0], [rot, tilt, psi], atol=1e-8)


@pytest.mark.parametrize("tilt", [0.0, 180.0])
def test_rot_is_zero_at_the_poles(tilt: float) -> None:
    lateral, axial = math.sin(math.radians(tilt / 2)), math.cos(math.radians(tilt / 2))
    quaternion = np.array([[axial * 0.6, lateral * 0.8, lateral * 0.6, axial * 0.8]])
    angles = euler_zyz_degrees(quaternion)[0]
    np.testing.assert_allclose(angles[:2], [0, tilt], atol=1e-12)
    np.testing.assert_allclose(relion_matrix(*angles), quaternions_to_matrices(quaternion)[0], atol=1e-12)


def test_third_row_is_the_beam_seen_from_the_structure() -> None:
    rot, tilt = math.radians(30), math.radians(70)
    beam = np.array([math.sin(tilt) * math.cos(rot), math.sin(tilt) * math.sin(rot), math.cos(tilt)])
    np.testing.assert_allclose(relion_matrix(30, 70, -40)[2], beam)
    np.testing.assert_allclose(relion_matrix(30, 70, -40) @ beam, [0, 0, 1], atol=1e-15)
