"""Refinement of a pose over six degrees of freedom: BFGS on rotations and shifts (compiled).

A pose is an orthogonal matrix and a shift. A step p, six lengths in A, turns it by the rotation vector
p[:3] / radius and moves it by p[3:], so that one unit means about the same motion of the density in every
direction (Nocedal and Wright, Numerical Optimization, 2006, algorithm 6.1, on the group rather than on
angles).
"""

import math

import numpy as np
from numba import njit

from emsearch.shapes.overlap import overlap, overlap_gradient

__all__ = ["refine_pose"]

_SUFFICIENT = 1e-4  # Armijo's constant
_SHORTER = 0.4
_MAX_SHORTENINGS = 8


@njit(cache=True)
def _turned(matrix, vector):  # type: ignore[no-untyped-def]
    """Turn a matrix from the left by a rotation vector in radians (Rodrigues' formula)."""
    angle = math.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    if angle < 1e-12:
        return matrix.copy()
    x, y, z = vector[0] / angle, vector[1] / angle, vector[2] / angle
    s, c = math.sin(angle), 1.0 - math.cos(angle)
    turn = np.empty((3, 3))
    turn[0, 0], turn[0, 1], turn[0, 2] = 1 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y
    turn[1, 0], turn[1, 1], turn[1, 2] = c * x * y + s * z, 1 - c * (x * x + z * z), c * y * z - s * x
    turn[2, 0], turn[2, 1], turn[2, 2] = c * x * z - s * y, c * y * z + s * x, 1 - c * (x * x + y * y)
    return turn @ matrix


@njit(cache=True)
def _update_inverse_hessian(inverse, step, change, curvature):  # type: ignore[no-untyped-def]
    """BFGS update of the inverse Hessian in place (equation 6.17)."""
    product = inverse @ change
    scale = (curvature + change @ product) / curvature**2
    for i in range(6):
        for j in range(6):
            inverse[i, j] += (
                scale * step[i] * step[j] - (product[i] * step[j] + step[i] * product[j]) / curvature
            )


@njit(cache=True)
def _uphill(coefficients, origin, spacing, position, mass, matrix, shift, value, step, slope, radius):  # type: ignore[no-untyped-def]
    """Shorten a step in place until the overlap grows enough (Armijo); value < 0 where it never does."""
    for _ in range(_MAX_SHORTENINGS):
        next_matrix = _turned(matrix, step[:3] / radius)
        next_shift = shift + step[3:]
        next_value = overlap(coefficients, origin, spacing, position, mass, next_matrix, next_shift)
        if next_value > value - _SUFFICIENT * slope:
            return next_matrix, next_shift, next_value
        step *= _SHORTER
        slope *= _SHORTER
    return matrix, shift, -1.0


@njit(cache=True)
def _descent(coefficients, origin, spacing, position, mass, matrix, shift, radius):  # type: ignore[no-untyped-def]
    """Overlap, and the gradient of its negative in the lengths that a step is made of."""
    gradient = np.empty(6)
    value = overlap_gradient(coefficients, origin, spacing, position, mass, matrix, shift, gradient)
    gradient[:3] /= radius
    return value, -gradient


@njit(cache=True)
def refine_pose(  # type: ignore[no-untyped-def]
    coefficients, origin, spacing, position, mass, matrix, shift, radius, longest_step, tolerance, max_steps
):
    """Climb from a pose to the nearest maximum of the overlap.

    Parameters
    ----------
    coefficients, origin, spacing
        The fields of a `BlurredGrid`.
    position, mass : float32 (n, 3), (n,)
        The moving points.
    matrix, shift : float64 (3, 3), (3,)
        The start.
    radius : float
        The length in A that turns a rotation in radians into a motion: the radius of gyration.
    longest_step : float
        In A; the first step is tried at this length.
    tolerance : float
        Stop when a step gains less than this fraction of the overlap.
    max_steps : int

    Returns
    -------
    matrix, shift, overlap
    """
    value, gradient = _descent(coefficients, origin, spacing, position, mass, matrix, shift, radius)
    inverse = np.eye(6)
    scaled = False
    for _ in range(max_steps):
        step = -(inverse @ gradient)
        slope = step @ gradient
        length = math.sqrt(step @ step)
        if not slope < 0.0:
            break
        if not scaled or length > longest_step:
            step *= longest_step / length
            slope *= longest_step / length
        matrix, shift, found = _uphill(
            coefficients, origin, spacing, position, mass, matrix, shift, value, step, slope, radius
        )
        gain = found - value
        if found < 0.0 or gain < tolerance * value:
            value = max(value, found)
            break
        value, next_gradient = _descent(coefficients, origin, spacing, position, mass, matrix, shift, radius)
        change = next_gradient - gradient
        gradient = next_gradient
        curvature = step @ change
        if curvature > 0.0:
            if not scaled:
                inverse *= curvature / (change @ change)
                scaled = True
            _update_inverse_hessian(inverse, step, change, curvature)
    return matrix, shift, value
