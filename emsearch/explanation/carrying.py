"""From picture to molecule: relevance of pixels carried back along the beam onto the beads that drew them.

A projection is P(x) = sum_i w_i g(x - x_i), so that bead i has the share w_i g(x - x_i) / P(x) in pixel x, and of a
map R the relevance w_i sum_x g(x - x_i) R(x) / P(x). The sum over beads is that of R over the pixels of the projection.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.geometry import Exposure, expose
from emsearch.imaging.parameters import ImageParameters
from emsearch.structures.beads import BeadModel

__all__ = ["Carried", "carry_to_beads"]

Floats = NDArray[np.float64]

_SHOWN = 0.02  # of the projection's peak: pixels below belong to no bead


@dataclass(frozen=True, slots=True)
class Carried:
    """Relevance of n beads, float64 (n,), and what stood beside the projection, or where it shows nothing."""

    beads: Floats
    beside: float


def carry_to_beads(
    relevance: Floats, model: BeadModel, parameters: ImageParameters, pixel_size_angstrom: float
) -> Carried:
    """Carry a map (box, box) back onto the beads of a structure that is drawn by one row of parameters.

    A bead above the stain has no share. All beads along the beam share a pixel by what they add to it: one projection
    does not tell them apart, the mean over projections from many directions does.
    """
    box = relevance.shape[0]
    exposure = expose(
        BeadCloud.from_models([model]),
        np.zeros(1, np.int64),
        parameters,
        np.array([pixel_size_angstrom]),
        box,
    )
    weight = _weights(model, exposure)
    footprint = _Footprint.of(model, exposure, box)
    projection = footprint.draw(weight)
    shown = projection > _SHOWN * projection.max()
    per_unit = np.where(shown, relevance, 0.0) / np.where(shown, projection, 1.0)
    return Carried(weight * footprint.gather(per_unit), float(relevance[~shown].sum()))


def _weights(model: BeadModel, exposure: Exposure) -> Floats:
    """Return what each bead (n,) adds to the image, as `emsearch.imaging.project_cpu` has it, but none below zero."""
    stained, fill, softness, top, uptake = exposure.stain[0].astype(np.float64).tolist()
    if not stained:
        return np.maximum(BeadCloud.from_models([model]).ice_weight.astype(np.float64), 0)
    weight = model.volume_angstrom3 * (1 - uptake * model.nucleic)
    if fill < 1:
        height = model.centroid_angstrom.astype(np.float64) @ exposure.matrix[0, 2]
        surface = height.min() + fill * np.ptp(height)
        inside = 0.5 - 0.5 * np.tanh((height - surface) / (2 * softness))
        weight = weight * (inside * (1 + top) - top)
    return np.asarray(np.maximum(weight, 0.0))


@dataclass(frozen=True, slots=True)
class _Footprint:
    """Where n beads fall: the four pixels of each (4, n), flat, their shares (4, n), and the blur's taps on both sides."""

    pixel: NDArray[np.int64]
    share: Floats
    taps: Floats
    box: int

    @classmethod
    def of(cls, model: BeadModel, exposure: Exposure, box: int) -> "_Footprint":
        place = model.centroid_angstrom.astype(np.float64) @ exposure.matrix[0, :2].T + exposure.centre_px[0]
        inside = ((place >= 0) & (place < box - 1)).all(1)
        x, y = np.where(inside[:, None], place, 0.0).T
        column, row = x.astype(np.int64), y.astype(np.int64)
        right, below = x - column, y - row
        corner = row * box + column
        share = np.stack([(1 - right) * (1 - below), right * (1 - below), (1 - right) * below, right * below])
        one_sided = exposure.taps[0].astype(np.float64)
        return cls(
            np.stack([corner, corner + 1, corner + box, corner + box + 1]),
            share * inside,
            np.concatenate([one_sided[:0:-1], one_sided]),
            box,
        )

    def draw(self, weight: Floats) -> Floats:
        """Return the projection (box, box) of weights (n,)."""
        drawn = np.bincount(self.pixel.ravel(), (self.share * weight).ravel(), self.box**2)
        return self._blur(drawn.astype(np.float64).reshape(self.box, self.box))

    def gather(self, image: Floats) -> Floats:
        """Return, for each bead (n,), the image under its footprint: the transpose of `draw`, for the taps are symmetric."""
        return np.asarray((self._blur(image).ravel()[self.pixel] * self.share).sum(0))

    def _blur(self, image: Floats) -> Floats:
        for axis in (0, 1):
            image = convolve1d(image, self.taps, axis=axis, mode="constant")
        return np.asarray(image)
