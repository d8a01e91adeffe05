"""Fitting the image model to an image: Gauss-Newton over pose, stain and scale, the rest solved for linearly.

The parameters move by Gauss-Newton steps (`emsearch.search.linearised`) with a Gaussian prior, cut where a step fails.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.search.image_model import ImageModel
from emsearch.search.linearised import Expected, Solved, solve
from emsearch.search.poses import Poses
from emsearch.search.prior import Prior

__all__ = ["Fit", "fit"]

Floats = NDArray[np.float64]

_LARGEST = np.array([0.2, 0.2, 0.2, 2.0, 2.0, 0.06, 0.25, 0.3, 0.8, 0.2])  # steps that are trusted
_ANGLE_SD = np.array([0.15, 0.15, 0.15, *[np.inf] * 7])  # how far from where they are angles are expected
_SHORTER = 0.35


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


def _solved(model: ImageModel, prior: Prior, poses: Poses) -> Solved:
    departure, deviation = prior.departures(poses, model.centres_px)
    expected = Expected(departure, deviation, _ANGLE_SD, _LARGEST, prior.meniscus)
    return solve(model.gram(poses), model.witnesses, expected)


def fit(model: ImageModel, poses: Poses, *, steps: int = 3, prior: Prior | None = None) -> Fit:
    """Improve poses by ``steps`` Gauss-Newton steps; a step that does not help is cut and tried again."""
    prior = prior or Prior()
    best = _solved(model, prior, poses)
    length = np.ones(len(poses))
    for _ in range(steps):
        trial_poses = poses.moved(best.step * length[:, None])
        trial = _solved(model, prior, trial_poses)
        better = trial.cost < best.cost
        poses = poses.chosen(better, trial_poses)
        best = best.where(better, trial)
        length = np.where(better, 1.0, length * _SHORTER)
    return Fit(poses, best.correlation, best.amplitudes, best.cost, best.spread)
