"""The views of a structure that the coarse search compares: every direction and stain height, drawn when asked for."""

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import torch
from numba import njit, prange
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import healpix_directions, quaternion_from_direction
from emsearch.search.harmonics import CircularHarmonics, packed_views
from emsearch.search.library import StructureLibrary

__all__ = ["CoarseFrame", "CoarseSettings", "CoarseViews", "ViewSet", "band_means"]

Floats = NDArray[np.float64]

_CELL_PX = 1.0  # beads are merged on a grid of this many coarse pixels
_RESOLUTION_PX = 1.6  # of the views at least: what the coarse sampling carries
_NUCLEIC_SHARE = 0.15  # with less of it in its volume, a structure looks the same at any uptake of stain
_KEPT_BYTES = 700_000_000


@dataclass(frozen=True, slots=True)
class CoarseSettings:
    """How finely the coarse search goes.

    ``nside`` is HEALPix's, 12 nside^2 directions; ``fills`` are heights of the stain over the particle's; ``uptakes`` are
    those of uranyl by nucleic acid (0 binds none, 1 hides it), for structures that hold much of it. ``reduction`` are
    pixels of the class in one of the search, ``angles`` those in the plane; shifts are in pixels of the class.
    """

    nside: int = 4
    fills: tuple[float, ...] = (1.0, 0.75, 0.53, 0.36)
    uptakes: tuple[float, ...] = (0.0, 0.8)
    top_signal: float = 0.1
    resolution_angstrom: float = 18.0
    reduction: int = 2
    angles: int = 48
    shift_px: float = 4.5
    shift_step_px: float = 1.5


@dataclass(frozen=True, slots=True)
class CoarseFrame:
    """The frame in which views and images meet: side, radius compared, and pixel size, all coarse."""

    box_px: int
    radius_px: float
    pixel_size_angstrom: float

    def harmonics(self, angles: int) -> CircularHarmonics:
        """Return what takes images of this frame to coefficients."""
        return CircularHarmonics(self.box_px, self.radius_px, angles)


@dataclass(frozen=True, slots=True)
class ViewSet:
    """Views of one structure.

    ``stored`` int8 (orders, v, 2 rings) times ``step`` (v,) are coefficients of unit norm (eight bits change a
    correlation by 1e-4); ``power`` (v, bands) is the share of each band of frequencies.
    """

    stored: Tensor
    step: Tensor
    power: Tensor
    quaternion: Floats
    fill: Floats
    uptake: Floats

    def scale(self, weight: Tensor) -> Tensor:
        """Return the factors (v,) of ``stored`` that make each view's norm one under weights by band (bands,)."""
        return self.step / (self.power @ weight).sqrt().clamp_min(1e-20)


class CoarseViews:
    """Coarse views of the structures of a library, drawn when asked for and kept while there is room."""

    def __init__(self, library: StructureLibrary) -> None:
        self.library = library
        self._kept: OrderedDict[tuple[str, CoarseFrame, CoarseSettings], ViewSet] = OrderedDict()

    def of(self, name: str, frame: CoarseFrame, settings: CoarseSettings) -> ViewSet:
        """Return the views of one structure."""
        key = (name, frame, settings)
        if key not in self._kept:
            views = self._draw(name, frame, settings)
            self._kept[key] = views
            while sum(v.stored.nbytes for v in self._kept.values()) > _KEPT_BYTES:
                self._kept.popitem(last=False)
            return views
        self._kept.move_to_end(key)
        return self._kept[key]

    def _draw(self, name: str, frame: CoarseFrame, settings: CoarseSettings) -> ViewSet:
        pixel = frame.pixel_size_angstrom
        simulator = self.library.coarse_simulator(name, _CELL_PX * pixel)
        cloud = simulator.cloud
        nucleic = float((cloud.stain_weight * cloud.nucleic).sum() / cloud.stain_weight.sum())
        uptakes = settings.uptakes if nucleic > _NUCLEIC_SHARE else settings.uptakes[:1]
        directions = quaternion_from_direction(healpix_directions(settings.nside))
        kinds = np.array([(f, u) for f in settings.fills for u in uptakes])
        quaternion = np.tile(directions, (len(kinds), 1))
        fill, uptake = np.repeat(kinds, len(directions), axis=0).T
        resolution = max(_RESOLUTION_PX * pixel, settings.resolution_angstrom)
        parameters = replace(
            clean_parameters(quaternion, resolution_angstrom=resolution),
            fill=fill.astype(np.float32),
            uptake=uptake.astype(np.float32),
            top_signal=np.full(len(fill), settings.top_signal, np.float32),
        )
        structure = np.zeros(len(quaternion), np.int64)
        drawn = simulator.projections(structure, parameters, np.full(len(structure), pixel), frame.box_px)
        stored, step = packed_views(frame.harmonics(settings.angles)(drawn))
        return ViewSet(stored, step, _band_power(drawn), quaternion, fill, uptake)


def _bands(box_px: int) -> NDArray[np.int64]:
    """Return the band (box, box // 2 + 1) of each frequency, its modulus in cycles per box to the whole number."""
    y, x = np.fft.fftfreq(box_px, 1 / box_px), np.fft.rfftfreq(box_px, 1 / box_px)
    return np.asarray(np.rint(np.hypot(y[:, None], x[None, :])), np.int64)


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _shares(spectra, bands, shares):  # type: ignore[no-untyped-def]
    last = spectra.shape[2] - 1
    for n in prange(spectra.shape[0]):
        total = np.float32(0)
        for y in range(spectra.shape[1]):
            for x in range(spectra.shape[2]):
                value = spectra[n, y, x]
                power = value.real * value.real + value.imag * value.imag
                power *= np.float32(1 if x == 0 or x == last else 2)
                if x + y > 0:
                    shares[n, bands[y, x]] += power
                    total += power
        for band in range(shares.shape[1]):
            shares[n, band] /= max(total, np.float32(1e-20))


def _band_power(images: Tensor) -> Tensor:
    """Return the share of each band in the power of images (n, box, box) without their mean."""
    bands = _bands(images.shape[-1])
    shares = np.zeros((len(images), int(bands.max()) + 1), np.float32)
    _shares(torch.fft.rfft2(images).numpy(), bands, shares)
    return torch.from_numpy(shares)


def band_means(weight: Tensor, box_px: int) -> Tensor:
    """Return the mean weight in each band of a coarse box, of weights (box, box // 2 + 1) of the fine one."""
    half = box_px // 2
    near = torch.cat([weight[:half], weight[-half:]])[:, : half + 1]
    bands = torch.from_numpy(_bands(box_px).ravel())
    count = torch.bincount(bands)
    return torch.zeros(len(count)).index_add_(0, bands, near.flatten()) / count.clamp_min(1)
