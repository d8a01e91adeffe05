"""Fitting the image model to an image: Gauss-Newton over pose, stain and scale, the rest solved for linearly.

For fixed parameters the amplitudes are a linear least-squares problem (variable projection, Golub and Pereyra, SIAM J.
Numer. Anal. 10:413, 1973); the parameters move by Gauss-Newton steps with a Gaussian prior, cut where a step fails.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.search.image_model import IMAGE, LINEAR, MENISCUS, PLANE, PROJECTION, SLOPES, ImageModel
from emsearch.search.poses import NAMES, Poses
from emsearch.search.prior import Prior

__all__ = ["Fit", "fit"]

Floats = NDArray[np.float64]

_LARGEST = np.array([0.2, 0.2, 0.2, 2.0, 2.0, 0.06, 0.25, 0.3, 0.8, 0.2])  # steps that are trusted
_ANGLE_SD = np.array([0.15, 0.15, 0.15, *[np.inf] * 7])  # how far from where they are angles are expected
_SHORTER = 0.35
_NOTHING = 1e-12  # square of what is not in the picture, as of a particle shifted out of it
_DARK = 1e3  # cost of a particle darker than its surroundings


@dataclass(frozen=True, slots=True)
class Fit:
    """How well poses explain an image, each array (n,).

    ``correlation`` is that of the image and the model, level and plane taken away from both; ``amplitudes`` (n, 7) are those
    of the model's linear columns. ``cost`` is minus twice the log of the posterior density at the
    pose over that of no particle, ``cost + spread`` that of the integral about the pose (Laplace).
    """

    poses: Poses
    correlation: Floats
    amplitudes: Floats
    cost: Floats
    spread: Floats

    def __getitem__(self, rows: NDArray[np.int64]) -> "Fit":
        """Return some of the fits."""
        return Fit(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class _Solved:
    """What the linear problems of n poses came to: costs, correlations and the step proposed (n, 10)."""

    cost: Floats
    spread: Floats
    correlation: Floats
    amplitudes: Floats
    step: Floats

    def where(self, better: NDArray[np.bool_], other: "_Solved") -> "_Solved":
        """Return ``other``'s rows where it is better and one's own elsewhere."""

        def either(own: Floats, theirs: Floats) -> Floats:
            return np.where(better.reshape(-1, *[1] * (own.ndim - 1)), theirs, own)

        return _Solved(*(either(getattr(self, name), getattr(other, name)) for name in self.__slots__))


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


def _solve(model: ImageModel, prior: Prior, poses: Poses) -> _Solved:
    gram = model.gram(poses)
    n = len(poses)
    total = np.maximum(gram[:, IMAGE, IMAGE], 1e-12)
    # Level and plane alone, then with the projection: amplitude and noise level for the priors.
    plane = _columns(PLANE)
    around = np.maximum(total - _least_squares(gram, plane)[0], 1e-9 * total)
    simple, amplitudes = _least_squares(gram, np.concatenate([[PROJECTION], plane]))
    shown = np.maximum(gram[:, PROJECTION, PROJECTION], _NOTHING)
    weakest = 1e-3 * np.sqrt(np.maximum(around, _NOTHING) / shown)
    scales = _Scales(
        np.maximum(total - simple, 1e-9 * total) / model.witnesses, np.maximum(amplitudes[:, 0], weakest)
    )
    # The model: projection, plane and meniscus, the last held by its prior.
    linear = _columns(LINEAR)
    ridge = np.zeros((n, len(linear)))
    ridge[:, MENISCUS] = scales.ridge(prior.meniscus)
    explained, weights = _least_squares(gram, linear, ridge)
    left = np.maximum(total - explained, 1e-6 * total)
    departure, deviation = prior.departures(poses, model.centres_px)
    cost = model.witnesses * np.log(left / around) + np.sum((departure / deviation) ** 2, axis=1)
    cost += np.where(weights[:, 0] > 0, 0.0, _DARK)
    correlation = np.sqrt(np.clip(1 - left / around, 0, 1)) * np.sign(weights[:, 0])
    step = _step(gram, ridge, scales, departure, deviation)
    return _Solved(cost, _spread(gram, scales, deviation), correlation, weights, step)


def _step(gram: Floats, ridge: Floats, scales: _Scales, departure: Floats, deviation: Floats) -> Floats:
    """Return the Gauss-Newton step (n, 10), cut to a trusted length."""
    amplitude = scales.amplitude[:, None]
    expected = scales.ridge(deviation)
    full_ridge = np.concatenate([ridge, expected + scales.ridge(_ANGLE_SD)], axis=1)
    pull = np.concatenate([np.zeros_like(ridge), -expected * departure * amplitude], axis=1)
    _, weights = _least_squares(gram, np.arange(IMAGE), full_ridge, pull)
    return np.asarray(np.clip(weights[:, SLOPES] / amplitude, -_LARGEST, _LARGEST))


def _spread(gram: Floats, scales: _Scales, deviation: Floats) -> Floats:
    """Return twice the log of how much narrower the posterior is than the prior (n,)."""
    curvature = gram[:, SLOPES, SLOPES] / scales.ridge(1.0)[:, :, None]
    each = np.arange(len(NAMES))
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


def fit(model: ImageModel, poses: Poses, *, steps: int = 3, prior: Prior | None = None) -> Fit:
    """Improve poses by ``steps`` Gauss-Newton steps; a step that does not help is cut and tried again."""
    prior = prior or Prior()
    best = _solve(model, prior, poses)
    length = np.ones(len(poses))
    for _ in range(steps):
        trial_poses = poses.moved(best.step * length[:, None])
        trial = _solve(model, prior, trial_poses)
        better = trial.cost < best.cost
        poses = poses.chosen(better, trial_poses)
        best = best.where(better, trial)
        length = np.where(better, 1.0, length * _SHORTER)
    return Fit(poses, best.correlation, best.amplitudes, best.cost, best.spread)
