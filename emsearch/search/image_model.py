"""The image model as columns of a linear problem: a projection, what lies beside it, and how the projection changes.

The image is a times the projection T(theta) plus what lies beside it: a level, a plane and the meniscus; projection and
meniscus as the microscope leaves them. Near theta it is also linear in the steps of theta, so that one Gram matrix of
weighted spectra holds all that a fit needs.
"""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION
from emsearch.imaging.finish import meniscus
from emsearch.imaging.normalise import soft_disc
from emsearch.imaging.parameters import ImageParameters, clean_parameters
from emsearch.imaging.simulate import Simulator
from emsearch.search.poses import NAMES, Poses
from emsearch.search.target import Target

__all__ = [
    "IMAGE",
    "LINEAR",
    "MENISCUS",
    "PLANE",
    "PROJECTION",
    "SLOPES",
    "ImageModel",
    "drawing_parameters",
    "gram_of",
]

PROJECTION = 0
PLANE = slice(1, 4)
"""Level, and slope along x and y."""
MENISCUS = slice(4, 7)
"""The meniscus, and as much of it on one side along x and y."""
LINEAR = slice(0, 7)
"""All that the image is a sum of."""
IMAGE = 7
SLOPES = slice(8, None)
"""The change of the projection with each parameter, in the order of `emsearch.search.poses.NAMES`."""

_MENISCUS_ANGSTROM = 50.0
_STEP = {
    "tilt_x": 0.035,
    "tilt_y": 0.035,
    "spin": 0.035,
    "scale": 0.02,
    "fill": -0.05,
    "uptake": 0.2,
    "top": 0.1,
}
"""Lengths of the difference quotients; shift and blur need no second projection."""


def drawing_parameters(poses: Poses, pixel_size_angstrom: float) -> ImageParameters:
    """Return what the simulator draws n poses by."""
    return replace(
        clean_parameters(poses.quaternion),
        shift_angstrom=(poses.shift_px * pixel_size_angstrom).astype(np.float32),
        magnification=np.exp(poses.scale).astype(np.float32),
        fill=poses.fill.astype(np.float32),
        resolution_angstrom=np.exp(poses.blur).astype(np.float32),
        uptake=poses.uptake.astype(np.float32),
        top_signal=poses.top.astype(np.float32),
    )


def gram_of(columns: Tensor) -> NDArray[np.float64]:
    """Return the inner products (n, c, c) of spectra (n, c, f)."""
    real = torch.view_as_real(columns).flatten(2)
    return np.asarray(torch.bmm(real, real.transpose(1, 2)).double().numpy())


class ImageModel:
    """One image and a simulator of the structures that may explain it.

    ``witnesses`` are the pixels compared that are independent, ``ring`` (box, box) marks those taken to show noise alone,
    ``frequency_squared`` (f,) is in cycles^2 / pixel^2.
    """

    def __init__(self, target: Target, simulator: Simulator) -> None:
        self.simulator = simulator
        self.pixel_size_angstrom = target.pixel_size_angstrom
        self.box = box = target.box_px
        self.aperture = soft_disc(box, torch.tensor([target.aperture_px]))[0]
        self.witnesses = float(self.aperture.sum()) * target.independent
        self.centres_px = target.centres_px.double().numpy()
        axis = torch.arange(box, dtype=torch.float32) - box // 2
        x, y = axis[None, :].expand(box, -1), axis[:, None].expand(-1, box)
        distance = torch.hypot(x, y)
        self._bearing = torch.stack(
            [torch.ones_like(x), x / distance.clamp_min(1), y / distance.clamp_min(1)]
        )
        plane = torch.stack([torch.ones_like(x), 2 * x / box, 2 * y / box])
        kx = torch.fft.rfftfreq(box)[None, :].expand(box, -1)
        ky = torch.fft.fftfreq(box)[:, None].expand(-1, kx.shape[1])
        twice = torch.full_like(kx, 2.0)
        twice[:, 0] = twice[:, -1] = 1.0
        self._kx, self._ky = kx.flatten(), ky.flatten()
        self._unweighted = twice.sqrt() / box
        self._weight = self._unweighted * target.weight.sqrt()
        self._given = self.spectra(torch.cat([target.image[None], plane]) * self.aperture)
        self._transfer = target.transfer.flatten()
        self.frequency_squared = self._kx**2 + self._ky**2
        inner, outer = target.ring_px
        self.ring = ((distance >= inner) & (distance <= outer)).float()

    @property
    def given_image(self) -> Tensor:
        """The weighted spectrum (f,) of the image."""
        return self._given[0]

    def gram(self, poses: Poses) -> NDArray[np.float64]:
        """Return the inner products (n, 18, 18) of the columns at n poses."""
        return gram_of(self.columns(poses))

    def spectra(self, images: Tensor) -> Tensor:
        """Return weighted spectra (..., f) of images (..., box, box): their real products are those of the images."""
        found: Tensor = (torch.fft.rfft2(images) * self._weight).flatten(-2)
        return found

    def images(self, spectra: Tensor) -> Tensor:
        """Return the images (..., box, box) of weighted spectra (..., f), within the aperture."""
        grid = spectra.unflatten(-1, self._weight.shape) / self._weight
        found: Tensor = torch.fft.irfft2(grid, s=(self.box, self.box))
        return found

    def whitened(self, spectra: Tensor) -> Tensor:
        """Return images (..., box, box) of weighted spectra (..., f) with the weights left in.

        Noise in them is white, so that their pixels are witnesses one by one: the sum of their squares is that of the
        spectra.
        """
        grid = spectra.unflatten(-1, self._weight.shape) / self._unweighted
        found: Tensor = torch.fft.irfft2(grid, s=(self.box, self.box))
        return found

    def draw(self, poses: Poses) -> Tensor:
        """Return bare projections (n, box, box) at n poses."""
        pixel = self.pixel_size_angstrom
        parameters = drawing_parameters(poses, pixel)
        return self.simulator.projections(
            poses.structure, parameters, np.full(len(poses), pixel), self.box
        ).cpu()

    def columns(self, poses: Poses) -> Tensor:
        """Return the spectra (n, 18, f)."""
        n = len(poses)
        moved = {name: poses.stepped(name, length) for name, length in _STEP.items()}
        drawn = self.draw(Poses.together([poses, *moved.values()])).unflatten(0, (1 + len(moved), n))
        unit = 1 / drawn[0].abs().amax((1, 2), keepdim=True).clamp_min(1e-20)
        projection = drawn[0] * unit
        images = torch.empty(n, len(moved), self.box, self.box)
        for k, (name, trial) in enumerate(moved.items()):
            # A step that a bound cut short still has the length it had.
            inverse = torch.from_numpy(1 / poses.length_to(trial, name, _STEP[name])).float()
            images[:, k] = (drawn[1 + k] * unit - projection) * inverse[:, None, None]
        found = self.linear(projection, more=len(NAMES))
        shown, slopes = found[:, PROJECTION], found[:, SLOPES]
        slopes[:, [NAMES.index(name) for name in moved]] = self.shown(images)
        slopes[:, NAMES.index("shift_x")] = shown * (-2j * torch.pi * self._kx)
        slopes[:, NAMES.index("shift_y")] = shown * (-2j * torch.pi * self._ky)
        sigma = SIGMA_OVER_RESOLUTION * np.exp(poses.blur) / self.pixel_size_angstrom
        softer = -4 * torch.pi**2 * self.frequency_squared * torch.from_numpy(sigma**2).float()[:, None]
        slopes[:, NAMES.index("blur")] = shown * softer
        return found

    def shown(self, images: Tensor) -> Tensor:
        """Return the spectra (..., f) of projections (..., box, box) as the microscope leaves them, in the aperture."""
        return self.spectra(images * self.aperture) * self._transfer

    def linear(self, projection: Tensor, *, more: int = 0) -> Tensor:
        """Return the spectra (n, 8 + more, f) of what an image is a sum of, and of it.

        ``projection`` (n, box, box) has a peak of 1, or of -1 where it is dark throughout; ``more`` columns behind are left
        to be filled.
        """
        n = len(projection)
        foot = meniscus(projection, torch.full((n, 1, 1), _MENISCUS_ANGSTROM / self.pixel_size_angstrom))
        shown = self.shown(torch.cat([projection[:, None], foot[:, None] * self._bearing], dim=1))
        found = shown.new_empty(n, IMAGE + 1 + more, shown.shape[-1])
        found[:, PROJECTION] = shown[:, 0]
        found[:, PLANE] = self._given[1:]
        found[:, MENISCUS] = shown[:, 1:]
        found[:, IMAGE] = self._given[0]
        return found
