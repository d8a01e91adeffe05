"""Orientations as RELION's Euler angles."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["euler_zyz_degrees"]

_POLE = 1e-12  # below this the first and last angle turn about the same axis


def euler_zyz_degrees(quaternion: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return RELION's (rot, tilt, psi) in degrees, (n, 3), of orientations (n, 4), (w, x, y, z).

    The quaternion turns the structure into the laboratory, x_lab = R x_structure, where the beam runs along
    +z, x counts columns and y rows. RELION projects the same way, x_lab = A x_structure with
    A = Z(psi) Y(tilt) Z(rot), in the sign convention of Heymann et al. 2005 (J Struct Biol 151:196)::

                [ cos a   sin a  0]             [cos b  0  -sin b]
        Z(a) =  [-sin a   cos a  0]     Y(b) =  [  0    1     0  ]
                [   0       0    1]             [sin b  0   cos b]

    so that the third row of A, (sin tilt cos rot, sin tilt sin rot, cos tilt), is the beam seen from the
    structure. In half angles Z(a) is the quaternion (cos a/2, 0, 0, -sin a/2) and Y(b) is (cos b/2, 0,
    -sin b/2, 0), whose product is::

        w = cos(tilt/2) cos((psi + rot)/2)      z = -cos(tilt/2) sin((psi + rot)/2)
        y = -sin(tilt/2) cos((psi - rot)/2)     x = -sin(tilt/2) sin((psi - rot)/2)

    rot and psi lie in [-180, 180), tilt in [0, 180]. Where tilt is 0 or 180 rot and psi turn about one axis;
    rot is then 0.

    >>> euler_zyz_degrees(np.array([[1.0, 0.0, 0.0, 0.0], [0.5, -0.5, -0.5, -0.5]])).round(6).tolist()
    [[0.0, 0.0, 0.0], [0.0, 90.0, 90.0]]
    """
    w, x, y, z = np.moveaxis(np.asarray(quaternion, np.float64), -1, 0)
    axial, lateral = np.hypot(w, z), np.hypot(x, y)
    half_sum = np.arctan2(-z, w)
    half_difference = np.arctan2(-x, -y)
    half_difference = np.where(lateral < _POLE, half_sum, half_difference)
    half_sum = np.where(axial < _POLE, half_difference, half_sum)
    angles = np.stack(
        [half_sum - half_difference, 2 * np.arctan2(lateral, axial), half_sum + half_difference], -1
    )
    degrees: NDArray[np.float64] = np.degrees(angles)
    turns = (degrees[..., ::2] + 180.0) % 360.0
    degrees[..., ::2] = (
        np.where(turns == 360.0, 0.0, turns) - 180.0
    )  # a remainder may round up to the divisor
    return degrees
