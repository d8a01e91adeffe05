"""At which scales an image is worth looking at: the size classes its particle may belong to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emsearch.particles.errors import ImageError

__all__ = ["ClassRange", "Sampling", "samplings"]

_PARTICLE_OVER_IMAGE = (0.25, 0.98)
"""A boxed particle measures between a quarter of its picture and all of it."""

_GUESSED_PARTICLE_OVER_IMAGE = (0.45, 0.8)
"""Where the pixel size is unknown: boxes are 1.25 to 2.2 times the particle."""

_LARGEST_STEP = 1.12  # between neighbouring guesses: the network and the matching bear half of it either way

_LEAST_RADIUS_PX = 4.0  # a picture that shrinks to fewer pixels of the class has no shape left


@dataclass(frozen=True, slots=True)
class ClassRange:
    """A size class's number, Dmax range and pixel size."""

    number: int
    dmax_min_angstrom: float
    dmax_max_angstrom: float
    pixel_size_angstrom: float


@dataclass(frozen=True, slots=True)
class Sampling:
    """Look at the image as of this pixel size, in this class; ``scale`` is image pixel over class pixel."""

    size_class: int
    image_pixel_size_angstrom: float
    scale: float


def samplings(
    classes: Sequence[ClassRange], side_px: int, pixel_size_angstrom: float | None
) -> list[Sampling]:
    """Return the samplings for an image whose shorter side is ``side_px``.

    With a pixel size, one for each class that a particle in such a picture may belong to, or the nearest class. Without,
    several pixel sizes for each class, so that a particle of usual size in its box falls into the class.

    Raises ImageError where the picture shows less than the smallest class's pixels can.

    >>> classes = [ClassRange(0, 0, 130, 3.0), ClassRange(1, 130, 320, 7.5)]
    >>> [s.size_class for s in samplings(classes, 100, 1.5)]
    [0, 1]
    """
    if pixel_size_angstrom is not None:
        low, high = (share * side_px * pixel_size_angstrom for share in _PARTICLE_OVER_IMAGE)
        fitting = [c for c in classes if c.dmax_min_angstrom < high and c.dmax_max_angstrom > low]
        nearest = min(classes, key=lambda c: abs(np.log(c.dmax_max_angstrom / high)))
        chosen = [
            c
            for c in fitting or [nearest]
            if side_px * pixel_size_angstrom / 2 >= _LEAST_RADIUS_PX * c.pixel_size_angstrom
        ]
        if not chosen:
            raise ImageError(
                f"the image shows {side_px * pixel_size_angstrom:.3g} A ({side_px} px of {pixel_size_angstrom:g} A), too "
                "little for any structure of the index; check --pixel-size"
            )
        return [
            Sampling(c.number, pixel_size_angstrom, pixel_size_angstrom / c.pixel_size_angstrom)
            for c in chosen
        ]
    found = []
    for c in classes:
        smallest = max(c.dmax_min_angstrom, c.dmax_max_angstrom / 2) / (
            _GUESSED_PARTICLE_OVER_IMAGE[1] * side_px
        )
        largest = c.dmax_max_angstrom / (_GUESSED_PARTICLE_OVER_IMAGE[0] * side_px)
        guesses = 1 + math.ceil(math.log(largest / smallest) / math.log(_LARGEST_STEP))
        for pixel in np.geomspace(smallest, largest, guesses).tolist():
            found.append(Sampling(c.number, pixel, pixel / c.pixel_size_angstrom))
    return found
