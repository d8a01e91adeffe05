"""Distances laid out in the plane, so that neighbours stay neighbours.

The objective is that of t-SNE (L. van der Maaten and G. Hinton, J. Mach. Learn. Res. 9:2579, 2008), minimised by L-BFGS from
classical scaling instead of by gradient descent from noise: nothing is drawn at random, and the large lie of the land stays.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

__all__ = ["classical_scaling", "neighbour_layout"]

PERPLEXITY = 100.0
_FEW = 12  # points, below which there are no neighbourhoods to keep
_STEPS = 300
_BISECTIONS = 50

_Matrix = NDArray[np.float64]


def classical_scaling(distance: _Matrix) -> _Matrix:
    """Return the plane (n, 2) of most variance of points with these distances (n, n) (W. Torgerson, 1952)."""
    squared = distance**2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-centred / 2)
    placed = np.zeros((len(distance), 2))
    for axis, k in enumerate(range(len(values) - 1, max(-1, len(values) - 3), -1)):
        sign = np.sign(vectors[np.argmax(np.abs(vectors[:, k])), k])  # else a matter of the library
        placed[:, axis] = sign * vectors[:, k] * np.sqrt(max(values[k], 0.0))
    return placed


def neighbour_layout(distance: _Matrix, perplexity: float = PERPLEXITY) -> _Matrix:
    """Return places (n, 2) for n points with these distances (n, n); the same each time.

    Perplexity is about how many neighbours of a point count, at most a third of all. Fewer than twelve points are placed by
    classical scaling.
    """
    start = classical_scaling(distance)
    n = len(distance)
    if n < _FEW:
        return start
    joint = _joint_probabilities(distance, min(perplexity, (n - 1) / 3))
    start /= max(float(start[:, 0].std()), 1e-12)
    found = minimize(
        _divergence,
        start.T.ravel(),
        args=(joint,),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-7},
    )
    return np.asarray(found.x.reshape(2, n).T)


def _joint_probabilities(distance: _Matrix, perplexity: float) -> _Matrix:
    """Return how much each pair are neighbours (n, n): Gaussians as wide as the perplexity asks, both ways averaged."""
    n = len(distance)
    squared = distance**2
    np.fill_diagonal(squared, np.inf)
    squared -= squared.min(axis=1, keepdims=True)
    low, high = np.full(n, 1e-6), np.full(n, 1e6)
    for _ in range(_BISECTIONS):
        sharpness = np.sqrt(low * high)
        chance = np.exp(-sharpness[:, None] * squared)
        chance /= chance.sum(axis=1, keepdims=True)
        wide = -(chance * np.log(np.maximum(chance, 1e-300))).sum(axis=1) > np.log(perplexity)
        low, high = np.where(wide, sharpness, low), np.where(wide, high, sharpness)
    return np.asarray((chance + chance.T) / (2 * n))


def _divergence(flat: NDArray[np.float64], joint: _Matrix) -> tuple[float, NDArray[np.float64]]:
    """Return the Kullback-Leibler divergence of a layout, without what does not depend on it, and its gradient."""
    x, y = flat.reshape(2, -1)
    dx, dy = x[:, None] - x, y[:, None] - y
    nearness = 1 / (1 + dx * dx + dy * dy)
    loss = -float((joint * np.log(nearness)).sum())  # the diagonal adds ln 1
    np.fill_diagonal(nearness, 0.0)
    total = float(nearness.sum())
    pull = (joint - nearness / total) * nearness
    return loss + float(np.log(total)), 4 * np.concatenate([(pull * dx).sum(axis=1), (pull * dy).sum(axis=1)])
