"""The linear problem at a pose: amplitudes, the cost of what is left, and the step that would lower it.

For fixed parameters the amplitudes are a linear least-squares problem (variable projection, Golub and Pereyra, SIAM J.
Numer. Anal. 10:413, 1973), and near them the projection is linear in their steps too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.search.image_model import IMAGE, LINEAR, MENISCUS, PLANE, PROJECTION, SLOPES

__all__ = ["Expected", "Solved", "precision", "solve"]

Floats = NDArray[np.float64]

_NOTHING = 1e-12  # square of what is not in the picture, as of a particle shifted out of it
_DARK = 1e3  # cost of a particle darker than its surroundings


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of s parameters, and how far they may go at once.

    ``departure`` (n, s) is how far they are from what is expected, ``deviation`` (s,) the standard deviation, infinite
    where nothing is expected; ``reach`` (s,) that of a step, ``longest`` (s,) the step that is trusted. ``meniscus`` is the
    standard deviation of the meniscus, in units of the particle.
    """

    departure: Floats
    deviation: Floats
    reach: Floats
    longest: Floats
    meniscus: float


@dataclass(frozen=True, slots=True)
class Solved:
    """What the linear problems of n poses came to: costs, correlations, amplitudes and the step proposed (n, s)."""

    cost: Floats
    spread: Floats
    correlation: Floats
    amplitudes: Floats
    step: Floats

    def where(self, better: NDArray[np.bool_], other: "Solved") -> "Solved":
        """Return ``other``'s rows where it is better and one's own elsewhere."""

        def either(own: Floats, theirs: Floats) -> Floats:
            return np.where(better.reshape(-1, *[1] * (own.ndim - 1)), theirs, own)

        return Solved(*(either(getattr(self, name), getattr(other, name)) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Scales:
    """What makes the linear problem's numbers comparable with a prior's, each (n,).

    ``noise`` is the mean square left over in a pixel, ``amplitude`` that of the projection.
    """

    noise: Floats
    amplitude: Floats

    def ridge(self, deviation: Floats | float) -> Floats:
        """Return what a standard deviation of a prior, in units of the amplitude, adds to the normal matrix."""
        return np.asarray(self.noise[:, None] / (deviation * self.amplitude[:, None]) ** 2)


def solve(gram: Floats, witnesses: float, expected: Expected) -> Solved:
    """Solve the linear problems of inner products (n, 8 + s, 8 + s) of an image model's columns."""
    n = len(gram)
    total = np.maximum(gram[:, IMAGE, IMAGE], 1e-12)
    scales, around = _scales(gram, witnesses)
    # The model: projection, plane and meniscus, the last held by its prior.
    linear = _columns(LINEAR)
    ridge = np.zeros((n, len(linear)))
    ridge[:, MENISCUS] = scales.ridge(expected.meniscus)
    explained, weights = _least_squares(gram, linear, ridge)
    left = np.maximum(total - explained, 1e-6 * total)
    cost = witnesses * np.log(left / around)
    cost += np.sum((expected.departure / expected.deviation) ** 2, axis=1)
    cost += np.where(weights[:, 0] > 0, 0.0, _DARK)
    correlation = np.sqrt(np.clip(1 - left / around, 0, 1)) * np.sign(weights[:, 0])
    step = _step(gram, ridge, scales, expected)
    return Solved(cost, _spread(gram, scales, expected.deviation), correlation, weights, step)


def precision(gram: Floats, witnesses: float, expected: Expected) -> Floats:
    """Return the inverse covariance (n, s, s) of the parameters: curvature and prior, the amplitudes at their best."""
    scales, _ = _scales(gram, witnesses)
    ridge = np.zeros((len(gram), LINEAR.stop))
    ridge[:, MENISCUS] = scales.ridge(expected.meniscus)
    normal = gram[:, LINEAR, LINEAR].copy()
    each = np.arange(LINEAR.stop)
    normal[:, each, each] += ridge + 1e-9 * normal[:, each, each]
    across = gram[:, LINEAR, SLOPES]
    left = gram[:, SLOPES, SLOPES] - across.transpose(0, 2, 1) @ np.linalg.solve(normal, across)
    found = left / scales.ridge(1.0)[:, :, None]
    own = np.arange(found.shape[1])
    found[:, own, own] += 1 / expected.deviation**2
    return np.asarray(found)


def _scales(gram: Floats, witnesses: float) -> tuple[_Scales, Floats]:
    """Return noise and amplitude for the priors, and what level and plane alone leave of the image (n,)."""
    total = np.maximum(gram[:, IMAGE, IMAGE], 1e-12)
    plane = _columns(PLANE)
    around = np.maximum(total - _least_squares(gram, plane)[0], 1e-9 * total)
    simple, amplitudes = _least_squares(gram, np.concatenate([[PROJECTION], plane]))
    shown = np.maximum(gram[:, PROJECTION, PROJECTION], _NOTHING)
    weakest = 1e-3 * np.sqrt(np.maximum(around, _NOTHING) / shown)
    noise = np.maximum(total - simple, 1e-9 * total) / witnesses
    return _Scales(noise, np.maximum(amplitudes[:, 0], weakest)), around


def _step(gram: Floats, ridge: Floats, scales: _Scales, expected: Expected) -> Floats:
    """Return the Gauss-Newton step (n, s), cut to a trusted length."""
    amplitude = scales.amplitude[:, None]
    held = scales.ridge(expected.deviation)
    full_ridge = np.concatenate([ridge, held + scales.ridge(expected.reach)], axis=1)
    pull = np.concatenate([np.zeros_like(ridge), -held * expected.departure * amplitude], axis=1)
    fitted = np.delete(np.arange(gram.shape[1]), IMAGE)
    _, weights = _least_squares(gram, fitted, full_ridge, pull)
    step = weights[:, LINEAR.stop :] / amplitude
    return np.asarray(np.clip(step, -expected.longest, expected.longest))


def _spread(gram: Floats, scales: _Scales, deviation: Floats) -> Floats:
    """Return twice the log of how much narrower the posterior is than the prior (n,)."""
    curvature = gram[:, SLOPES, SLOPES] / scales.ridge(1.0)[:, :, None]
    each = np.arange(len(deviation))
    curvature[:, each, each] += 1 / deviation**2 + 1e-6
    widths = np.where(np.isfinite(deviation), deviation, 1.0)
    return np.asarray(np.linalg.slogdet(curvature)[1] + 2 * np.log(widths).sum())


def _columns(part: slice) -> NDArray[np.int64]:
    return np.arange(part.start, part.stop)


def _least_squares(
    gram: Floats, chosen: NDArray[np.int64], ridge: Floats | None = None, pull: Floats | None = None
) -> tuple[Floats, Floats]:
    """Return how much of the image's square the chosen columns explain (n,), and their weights (n, c)."""
    fitted = gram[:, chosen[:, None], chosen[None, :]]
    normal = fitted.copy()
    each = np.arange(len(chosen))
    own = normal[:, each, each]
    normal[:, each, each] += 1e-6 * own + 1e-12 * own.max(1, keepdims=True)
    if ridge is not None:
        normal[:, each, each] += ridge
    right = gram[:, chosen, IMAGE]
    pulled = right if pull is None else right + pull
    weights = np.linalg.solve(normal, pulled[:, :, None])[:, :, 0]
    explained = 2 * np.sum(weights * right, 1) - np.einsum("ni,nij,nj->n", weights, fitted, weights)
    return np.asarray(explained), np.asarray(weights)
