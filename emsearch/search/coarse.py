"""Coarse projection matching: every direction, stain height, in-plane angle and shift, at half the class's sampling.

What it finds are starting poses, a few a structure, and how well each structure explains the image over all its poses
together: the likelihood summed over poses (F. J. Sigworth, J. Struct. Biol. 122:328, 1998), which tells structures
apart where noise hides the best pose.
"""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import (
    healpix_directions,
    multiply_quaternions,
    quaternion_about_beam,
    quaternion_from_direction,
)
from emsearch.search.harmonics import ANGLES, CircularHarmonics, correlate, norm
from emsearch.search.library import StructureLibrary
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["CoarseMatch", "CoarseSettings", "CoarseViews", "Start", "search_coarsely"]

Floats = NDArray[np.float64]

REDUCTION = 2
"""Pixels of the class in one of the coarse search."""

_CELL_PX = 1.0  # beads are merged on a grid of this many coarse pixels
_RESOLUTION_PX = 1.6  # of the coarse views: what half the class's sampling carries
_NUCLEIC_SHARE = (
    0.15  # with less of its volume nucleic acid, a structure looks the same at any uptake of stain
)
_KEPT_BYTES = 700_000_000
_TEMPER = 0.35  # neighbouring pixels and misfits are no independent witnesses
_SHIFT_SD_PX = 2.0
_NEGLIGIBLE = 15.0  # a view whose best pose is less likely by this logarithm adds nothing
_APART_DEGREES = 25.0  # starting poses closer than this lead to the same fit


@dataclass(frozen=True, slots=True)
class CoarseSettings:
    """How finely the coarse search goes.

    ``nside`` is HEALPix's, 12 nside^2 directions; ``fills`` are heights of the stain over the particle's; ``uptakes`` are
    those of uranyl by nucleic acid (0 binds none, 1 hides it), for structures that hold much of it.
    """

    nside: int = 4
    fills: tuple[float, ...] = (1.0, 0.75, 0.53, 0.36)
    uptakes: tuple[float, ...] = (0.0, 0.8)
    top_signal: float = 0.1
    shift_px: float = 4.5
    shift_step_px: float = 2.25


@dataclass(frozen=True, slots=True)
class Start:
    """A pose from which a fit may start; ``shift_px`` is in pixels of the class."""

    structure: int
    quaternion: Floats
    shift_px: tuple[float, float]
    fill: float
    uptake: float
    correlation: float


@dataclass(frozen=True, slots=True)
class CoarseMatch:
    """What one structure's poses explain: ``evidence`` is the log of their mean likelihood over that of no particle."""

    starts: list[Start]
    evidence: float


@dataclass(frozen=True, slots=True)
class _Views:
    """Views of one structure.

    ``stored`` int8 (v, orders, rings, 2) times ``step`` (v,) are coefficients of unit norm (eight bits change a
    correlation by 1e-4); ``power`` (v, bands) is the share of each band of frequencies.
    """

    stored: Tensor
    step: Tensor
    power: Tensor
    quaternion: Floats
    fill: Floats
    uptake: Floats

    def coefficients(self, weight: Tensor) -> Tensor:
        """Return complex coefficients, each view of unit norm under frequencies' weights by band (bands,)."""
        norm = (self.power @ weight).sqrt().clamp_min(1e-20)
        return torch.view_as_complex(self.stored * (self.step / norm)[:, None, None, None])


class CoarseViews:
    """Coarse views of the structures of a library, drawn when asked for and kept while there is room."""

    def __init__(self, library: StructureLibrary) -> None:
        self.library = library
        self._kept: OrderedDict[tuple[object, ...], _Views] = OrderedDict()

    def of(
        self, name: str, box_px: int, radius_px: float, pixel_size_angstrom: float, settings: CoarseSettings
    ) -> _Views:
        """Return the views of one structure in a coarse box; the pixel size is that of the coarse box too."""
        harmonics = CircularHarmonics(box_px, radius_px)
        key = (name, box_px, harmonics.rings, pixel_size_angstrom, settings)
        if key not in self._kept:
            views = self._draw(name, harmonics, pixel_size_angstrom, settings)
            self._kept[key] = views
            while sum(v.stored.nbytes for v in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
            return views
        self._kept.move_to_end(key)
        return self._kept[key]

    def _draw(
        self, name: str, harmonics: CircularHarmonics, pixel_size_angstrom: float, settings: CoarseSettings
    ) -> _Views:
        simulator = self.library.coarse_simulator(name, _CELL_PX * pixel_size_angstrom)
        cloud = simulator.cloud
        nucleic = float((cloud.stain_weight * cloud.nucleic).sum() / cloud.stain_weight.sum())
        uptakes = settings.uptakes if nucleic > _NUCLEIC_SHARE else settings.uptakes[:1]
        directions = quaternion_from_direction(healpix_directions(settings.nside))
        kinds = np.array([(f, u) for f in settings.fills for u in uptakes])
        quaternion = np.tile(directions, (len(kinds), 1))
        fill, uptake = np.repeat(kinds, len(directions), axis=0).T
        parameters = replace(
            clean_parameters(quaternion, resolution_angstrom=_RESOLUTION_PX * pixel_size_angstrom),
            fill=fill.astype(np.float32),
            uptake=uptake.astype(np.float32),
            top_signal=np.full(len(fill), settings.top_signal, np.float32),
        )
        drawn = simulator.projections(
            np.zeros(len(quaternion), np.int64),
            parameters,
            np.full(len(quaternion), pixel_size_angstrom),
            harmonics.box_px,
        )
        found = harmonics(drawn)
        parts = torch.view_as_real(found / norm(found).clamp_min(1e-20)[:, None, None])
        step = parts.abs().amax((1, 2, 3)).clamp_min(1e-20) / 127
        stored = (parts / step[:, None, None, None]).round().to(torch.int8)
        return _Views(stored, step, _band_power(drawn), quaternion, fill, uptake)


def _bands(box_px: int) -> Tensor:
    """Return the band (box, box // 2 + 1) of each frequency, its modulus in cycles per box to the whole number."""
    y, x = torch.fft.fftfreq(box_px, 1 / box_px), torch.fft.rfftfreq(box_px, 1 / box_px)
    return torch.hypot(y[:, None], x[None, :]).round().long()


def _band_power(images: Tensor) -> Tensor:
    """Return the share of each band in the power of images (n, box, box) without their mean."""
    box = images.shape[-1]
    power = torch.fft.rfft2(images).abs().square()
    power[:, :, 1:-1] *= 2
    power[:, 0, 0] = 0
    bands = _bands(box).flatten()
    shares = torch.zeros(len(images), int(bands.max()) + 1).index_add_(1, bands, power.flatten(1))
    return shares / shares.sum(1, keepdim=True).clamp_min(1e-20)


def _band_weight(weight: Tensor, box_px: int) -> Tensor:
    """Return the mean weight in each band of the coarse box, of weights (box, box // 2 + 1) of the fine one."""
    half = box_px // 2
    near = torch.cat([weight[:half], weight[-half:]])[:, : half + 1]
    bands = _bands(box_px).flatten()
    count = int(bands.max()) + 1
    total = torch.zeros(count).index_add_(0, bands, near.flatten())
    return total / torch.zeros(count).index_add_(0, bands, torch.ones(len(bands))).clamp_min(1)


def shift_grid(reach_px: float, step_px: float) -> Tensor:
    """Return (s, 2) shifts on a square grid within a circle, no shift among them."""
    steps = int(reach_px / step_px + 1e-6)
    axis = torch.arange(-steps, steps + 1) * step_px
    grid = torch.cartesian_prod(axis, axis)
    return grid[torch.linalg.vector_norm(grid, dim=1) <= reach_px + 1e-6]


def reduced(image: Tensor, shifts_px: Tensor, weight: Tensor) -> Tensor:
    """Return copies (s, box / 2, box / 2) of an image (box, box), moved so that ``shifts_px`` (s, 2) come to the middle.

    Frequencies count by ``weight`` (box, box // 2 + 1); those that the smaller box cannot carry are cut off.
    """
    box = image.shape[-1]
    small = box // REDUCTION
    mirrored = torch.cat([torch.arange(box // 2 + 1), torch.arange(box // 2 - 1, 0, -1)])
    spectrum = torch.fft.fft2(image) * weight[:, mirrored]
    keep = torch.cat([torch.arange(small // 2), torch.arange(box - small // 2, box)])
    cut = spectrum[keep][:, keep] / REDUCTION**2
    cut[small // 2] = 0
    cut[:, small // 2] = 0
    k = torch.fft.fftfreq(small) * small / box
    phase = shifts_px[:, 0, None, None] * k[None, None, :] + shifts_px[:, 1, None, None] * k[None, :, None]
    moved: Tensor = torch.fft.ifft2(cut[None] * torch.exp(2j * math.pi * phase)).real
    return moved


def search_coarsely(
    image: Tensor,
    aperture_px: float,
    names: Sequence[str],
    coarse: CoarseViews,
    pixel_size_angstrom: float,
    centres_px: Tensor,
    *,
    weight: Tensor,
    independent: float = 1.0,
    poses: int,
    settings: CoarseSettings,
) -> list[CoarseMatch]:
    """Return the evidence for each structure and up to ``poses`` starting poses, best first and unlike one another.

    ``image`` (box, box) at ``pixel_size_angstrom`` is compared within ``aperture_px`` of each of the shifted middles about
    ``centres_px`` (c, 2), its frequencies by ``weight`` (box, box // 2 + 1), the inverse of the noise's power.
    ``independent`` is the share of the image's pixels that are independent witnesses.
    """
    grid = shift_grid(settings.shift_px, settings.shift_step_px)
    shifts = torch.unique((centres_px[:, None] + grid[None]).flatten(0, 1), dim=0)
    box, radius = image.shape[-1] // REDUCTION, aperture_px / REDUCTION
    harmonics = CircularHarmonics(box, radius)
    whitened = harmonics(reduced(image, shifts, weight.sqrt()))
    queries = harmonics(reduced(image, shifts, weight)) / norm(whitened).clamp_min(1e-20)[:, None, None]
    bands = _band_weight(weight, box)
    nearest = torch.cdist(shifts, centres_px).amin(1)
    expected = torch.log_softmax(-0.5 * (nearest / _SHIFT_SD_PX) ** 2, 0)
    # The coarse pixels are fewer than those of the image unless that was enlarged by more than the reduction.
    pixels = math.pi * harmonics.rings**2 * min(1.0, independent * REDUCTION**2)
    found = []
    for number, name in enumerate(names):
        views = coarse.of(name, box, radius, pixel_size_angstrom * REDUCTION, settings)
        curves = correlate(views.coefficients(bands), queries)
        best, place = curves.flatten(1).max(1)
        shift, turn = shifts[place // ANGLES], place % ANGLES
        starts = _starts(number, views, best, shift, turn, poses)
        found.append(CoarseMatch(starts, _evidence(curves, expected, _TEMPER * pixels)))
    return found


def _evidence(curves: Tensor, expected: Tensor, pixels: float) -> float:
    """Return the log of the mean likelihood over views, shifts (weighted by what is expected) and angles.

    Of one pose it is -N/2 log(1 - c^2), amplitude and noise at their best; a negative correlation explains nothing.
    """
    best = _gain(curves.flatten(1).amax(1), pixels)
    heard = curves[best > best.max() - _NEGLIGIBLE]
    total = torch.logsumexp((_gain(heard, pixels) + expected[None, :, None]).flatten(), 0)
    return float(total) - math.log(len(curves) * ANGLES)


def _gain(correlation: Tensor, pixels: float) -> Tensor:
    return torch.log1p(-correlation.clamp(0, 0.99).square()) * (-pixels / 2)


def _starts(
    structure: int, views: _Views, correlation: Tensor, shift_px: Tensor, turn: Tensor, poses: int
) -> list[Start]:
    """Pick the best views, each at least some degrees from those before it."""
    order = correlation.argsort(descending=True)[: 16 * poses].numpy()
    spin = quaternion_about_beam(turn.numpy()[order] * 360.0 / ANGLES)
    quaternion = multiply_quaternions(spin, views.quaternion[order])
    matrices = quaternions_to_matrices(quaternion)
    chosen: list[int] = []
    for k in range(len(order)):
        traces = [float(np.sum(matrices[k] * matrices[j])) for j in chosen]
        if all(trace < 1 + 2 * math.cos(math.radians(_APART_DEGREES)) for trace in traces):
            chosen.append(k)
        if len(chosen) == poses:
            break
    return [
        Start(
            structure=structure,
            quaternion=quaternion[k],
            shift_px=(float(shift_px[order[k], 0]), float(shift_px[order[k], 1])),
            fill=float(views.fill[order[k]]),
            uptake=float(views.uptake[order[k]]),
            correlation=float(correlation[order[k]]),
        )
        for k in chosen
    ]
