"""Coarse projection matching: every direction, stain height, in-plane angle and shift, at half the class's sampling.

What it finds are starting poses and how well each structure explains the image over all its poses together: the
likelihood summed over poses (F. J. Sigworth, J. Struct. Biol. 122:328, 1998), which tells structures apart where noise
hides the best pose.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.rotations import multiply_quaternions, quaternion_about_beam
from emsearch.search.coarse_views import CoarseFrame, CoarseSettings, CoarseViews, ViewSet, band_means
from emsearch.search.correlation import Curves, correlate, log_mean_likelihood, packed
from emsearch.search.harmonics import norm
from emsearch.search.target import Target
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["CoarseMatch", "CoarseQuery", "Start", "search_coarsely"]

Floats = NDArray[np.float64]

_TEMPER = 0.35  # neighbouring pixels and misfits are no independent witnesses
_SHIFT_SD_PX = 2.0
_APART_DEGREES = 25.0  # starting poses closer than this lead to the same fit


@dataclass(frozen=True, slots=True)
class Start:
    """A pose from which a fit may start; ``shift_px`` is in pixels of the class."""

    quaternion: Floats
    shift_px: tuple[float, float]
    fill: float
    uptake: float
    correlation: float


@dataclass(frozen=True, slots=True)
class CoarseMatch:
    """What one structure's poses explain: ``evidence`` is the log of their mean likelihood over that of no particle.

    ``correlation`` (v,) is the best of each view, at ``shift_px`` (v, 2) and turned by ``spin_degrees`` (v,).
    """

    evidence: float
    correlation: NDArray[np.float32]
    shift_px: NDArray[np.float32]
    spin_degrees: Floats
    views: ViewSet

    def starts(self, count: int) -> list[Start]:
        """Return up to ``count`` of the best poses, best first, each at least some degrees from those before it."""
        order = np.argsort(-self.correlation, kind="stable")[: 16 * count]
        spin = quaternion_about_beam(self.spin_degrees[order])
        quaternion = multiply_quaternions(spin, self.views.quaternion[order])
        matrices = quaternions_to_matrices(quaternion)
        chosen: list[int] = []
        for k in range(len(order)):
            traces = [float(np.sum(matrices[k] * matrices[j])) for j in chosen]
            if all(trace < 1 + 2 * math.cos(math.radians(_APART_DEGREES)) for trace in traces):
                chosen.append(k)
            if len(chosen) == count:
                break
        return [self._start(int(order[k]), quaternion[k]) for k in chosen]

    def _start(self, view: int, quaternion: Floats) -> Start:
        x, y = self.shift_px[view].tolist()
        return Start(
            quaternion=quaternion,
            shift_px=(x, y),
            fill=float(self.views.fill[view]),
            uptake=float(self.views.uptake[view]),
            correlation=float(self.correlation[view]),
        )


def shift_grid(reach_px: float, step_px: float) -> Tensor:
    """Return (s, 2) shifts on a square grid within a circle, no shift among them."""
    steps = int(reach_px / step_px + 1e-6)
    axis = torch.arange(-steps, steps + 1) * step_px
    grid = torch.cartesian_prod(axis, axis)
    return grid[torch.linalg.vector_norm(grid, dim=1) <= reach_px + 1e-6]


def reduced(image: Tensor, shifts_px: Tensor, weight: Tensor, reduction: int) -> Tensor:
    """Return copies (s, box / r, box / r) of an image (box, box), moved so that ``shifts_px`` (s, 2) come to the middle.

    Frequencies count by ``weight`` (box, box // 2 + 1); those that the smaller box cannot carry are cut off.
    """
    box = image.shape[-1]
    small = box // reduction
    mirrored = torch.cat([torch.arange(box // 2 + 1), torch.arange(box // 2 - 1, 0, -1)])
    spectrum = torch.fft.fft2(image) * weight[:, mirrored]
    keep = torch.cat([torch.arange(small // 2), torch.arange(box - small // 2, box)])
    cut = spectrum[keep][:, keep] / reduction**2
    cut[small // 2] = 0
    cut[:, small // 2] = 0
    k = torch.fft.fftfreq(small) * small / box
    phase = shifts_px[:, 0, None, None] * k[None, None, :] + shifts_px[:, 1, None, None] * k[None, :, None]
    moved: Tensor = torch.fft.ifft2(cut[None] * torch.exp(2j * math.pi * phase)).real
    return moved


class CoarseQuery:
    """One image, ready to be compared with the coarse views of structures."""

    def __init__(self, target: Target, settings: CoarseSettings) -> None:
        self.settings = settings
        r = settings.reduction
        self.frame = CoarseFrame(target.box_px // r, target.aperture_px / r, target.pixel_size_angstrom * r)
        grid = shift_grid(settings.shift_px, settings.shift_step_px)
        self.shifts_px = torch.unique((target.centres_px[:, None] + grid[None]).flatten(0, 1), dim=0)
        nearest = torch.cdist(self.shifts_px, target.centres_px).amin(1)
        self._expected = torch.softmax(-0.5 * (nearest / _SHIFT_SD_PX) ** 2, 0).numpy()
        harmonics = self.frame.harmonics(settings.angles)
        whitened = harmonics(reduced(target.image, self.shifts_px, target.weight.sqrt(), r))
        # The product of an image with what the microscope leaves of a view is that of the view with the image so treated.
        shown = target.weight * target.transfer
        weighted = harmonics(reduced(target.image, self.shifts_px, shown, r))
        self._copies = packed(weighted / norm(whitened).clamp_min(1e-20)[None, :, None])
        self._bands = band_means(shown * target.transfer, self.frame.box_px)
        # Coarse pixels are fewer than those of the image unless that was enlarged by more than the reduction.
        self.pixels = math.pi * harmonics.rings**2 * min(1.0, target.independent * r**2)

    def curves(self, views: ViewSet) -> Curves:
        """Return the correlations with every view."""
        return correlate(views.stored, views.scale(self._bands), self._copies)

    def match(self, views: ViewSet) -> CoarseMatch:
        """Return what the views of one structure explain."""
        curves = self.curves(views)
        return CoarseMatch(
            evidence=log_mean_likelihood(curves, self._expected, _TEMPER * self.pixels),
            correlation=curves.best,
            shift_px=self.shifts_px.numpy()[curves.copy],
            spin_degrees=curves.turn.astype(np.float64) * 360.0 / self.settings.angles,
            views=views,
        )


def search_coarsely(
    target: Target, names: Sequence[str], views: CoarseViews, settings: CoarseSettings
) -> list[CoarseMatch]:
    """Return the coarse match of each structure, in the order of ``names``."""
    query = CoarseQuery(target, settings)
    return [query.match(views.of(name, query.frame, settings)) for name in names]
