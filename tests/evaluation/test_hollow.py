"""A ring is hollow, whatever its size and stretch; what is full, or has a gap on one side, is not."""

import numpy as np
from numpy.typing import NDArray

from emsearch.evaluation.hollow import hollowness

Floats = NDArray[np.float64]
RNG = np.random.default_rng(0)
POINTS = 4000


def of(points: Floats) -> float:
    """Return how hollow points of one mass are, turned to their principal axes and scaled."""
    centred = points - points.mean(0)
    variance, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    return hollowness(centred @ axes / np.sqrt(variance), np.full(len(points), 110.0))


def annulus(inner: float) -> Floats:
    """Return points between circles of radius ``inner`` and 1."""
    turn = RNG.uniform(0, 2 * np.pi, POINTS)
    radius = np.sqrt(RNG.uniform(inner**2, 1, POINTS))
    return np.column_stack([radius * np.cos(turn), radius * np.sin(turn)])


def test_a_hole_makes_a_view_hollow() -> None:
    full, small, large = (of(annulus(inner)) for inner in (0.0, 0.3, 0.6))
    assert full < 0.05
    assert full < small < large
    assert large > 0.9


def test_a_stretched_ring_is_a_ring() -> None:
    ring = annulus(0.5)
    assert abs(of(ring) - of(ring * [3.0, 1.0])) < 0.05


def test_balls_and_two_lobes_are_no_rings() -> None:
    ball = RNG.normal(size=(POINTS, 3))
    ball *= RNG.random((POINTS, 1)) ** (1 / 3) / np.linalg.norm(ball, axis=1, keepdims=True)
    assert of(ball[:, :2]) < 0.05
    lobes = 0.3 * RNG.normal(size=(POINTS, 2)) + np.where(np.arange(POINTS)[:, None] % 2, [1.0, 0], [-1.0, 0])
    assert of(lobes) < 0.05
