"""Particles read in chunks: those of one shape and pixel size together, those that cannot be used with their reason."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.batch.settings import BatchSettings
from emsearch.particles.ctf_correction import Correction, correct_ctf, remaining_transfer
from emsearch.particles.errors import ImageError
from emsearch.particles.optics import Optics
from emsearch.particles.source import ParticleSource
from emsearch.search.target import Transfer

__all__ = ["Alike", "Chunk", "chunk_particles", "pixel_size_of", "read_chunk"]

_LARGEST_CHUNK = (
    1024  # particles: each chunk is decoded by a process of its own, which takes a while to start
)
_LARGEST_MATCHED_CHUNK = 32  # where each of them takes half a second
_CHUNK_PX = 2**24  # 64 MB of float32
_LOOKED_AT = 16  # particles, for the size of their pictures


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """n images of one shape and pixel size, float32 (n, h, w), CTF corrected; ``place`` (n,) is that in the chunk.

    ``optics`` are those of the n images, ``correction`` is what was done to those that are known.
    """

    place: NDArray[np.int64]
    pixel_size_angstrom: float | None
    images: Tensor
    optics: Optics
    correction: Correction

    def batches(self, images: int) -> Iterator["Alike"]:
        """Yield so many of the images at a time."""
        for first in range(0, len(self.place), images):
            some = slice(first, first + images)
            yield replace(self, place=self.place[some], images=self.images[some], optics=self.optics[some])

    def bright(self, contrast: str) -> Tensor:
        """Return the images with the particle bright, given what it is now: "bright" or "dark"."""
        return self.images if contrast == "bright" else -self.images

    def transfer(self, k: int) -> Transfer | None:
        """Return what the microscope, and the correction, leave of a projection in image number k; None: all of it."""
        optics = self.optics[k : k + 1]
        if self.correction == "none" or not optics.known[0]:
            return None
        return lambda box_px, pixel: remaining_transfer(optics, self.correction, box_px, pixel)[0]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """The particles of some rows; ``problems`` says, by place, why one cannot be searched."""

    rows: Sequence[int]
    alike: tuple[Alike, ...]
    problems: dict[int, str] = field(default_factory=dict)


def chunk_particles(source: ParticleSource, settings: BatchSettings) -> int:
    """Return how many particles a chunk holds, by the size of the first that can be read."""
    most = _LARGEST_MATCHED_CHUNK if settings.matched(source.count) else _LARGEST_CHUNK
    for image in source.read(range(min(_LOOKED_AT, source.count))):
        if not isinstance(image, ImageError):
            return max(1, min(most, _CHUNK_PX // image.size))
    return most


def read_chunk(source: ParticleSource, rows: Sequence[int], settings: BatchSettings) -> Chunk:
    """Read the particles of some rows."""
    problems: dict[int, str] = {}
    kinds: dict[tuple[tuple[int, ...], float | None], list[tuple[int, NDArray[np.float32]]]] = {}
    for place, (row, image) in enumerate(zip(rows, source.read(rows), strict=True)):
        if isinstance(image, ImageError):
            problems[place] = str(image)
        else:
            kinds.setdefault((image.shape, pixel_size_of(source, row, settings)), []).append((place, image))
    alike = tuple(_alike(source, rows, kind, pixel, settings) for (_, pixel), kind in kinds.items())
    return Chunk(rows, alike, problems)


def _alike(
    source: ParticleSource,
    rows: Sequence[int],
    kind: list[tuple[int, NDArray[np.float32]]],
    pixel: float | None,
    settings: BatchSettings,
) -> Alike:
    place = np.array([place for place, _ in kind])
    images = torch.from_numpy(np.stack([image for _, image in kind]))
    optics = source.optics[np.array(rows)[place]]
    correction = "none" if pixel is None else settings.correction
    if pixel is not None:
        images = correct_ctf(images, pixel, optics, correction)
    return Alike(place, pixel, images, optics, correction)


def pixel_size_of(source: ParticleSource, row: int, settings: BatchSettings) -> float | None:
    """Return a particle's pixel size in A: as told, or its own, None where unknown."""
    if settings.pixel_size_angstrom is not None:
        return settings.pixel_size_angstrom
    own = float(source.pixel_size_angstrom[row])
    return None if math.isnan(own) else own
