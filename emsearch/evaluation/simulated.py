"""Simulated test images of an index's structures, from directions that neither training nor the index has seen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.search.engine import SearchIndex

__all__ = ["CRYO", "STAIN", "SimulatedImages", "draw_images"]

_STREAM = 7_777_777  # training and validation draw from streams 0 and 1 of their own seeds

STAIN = ParameterRanges(stained_share=1.0, stain_defocus_share=0.0, open_share=1.0)
"""Negative stain as the networks of the field are tested: direction, fill, scale, shift, rim, grain and noise vary."""

CRYO = ParameterRanges(stained_share=0.0, open_share=1.0)
"""Ice: direction, scale, shift, defocus and noise vary; a third of the images fully CTF-corrected."""


@dataclass(frozen=True, slots=True)
class SimulatedImages:
    """Images (n, box, box) at their class's pixel size (n,), particle bright, with the truth about each."""

    images: Tensor
    pixel_size_angstrom: NDArray[np.float64]
    group: NDArray[np.int64]
    parameters: ImageParameters


def draw_images(
    index: SearchIndex,
    groups: Sequence[int],
    ranges: ParameterRanges,
    n: int,
    seed: int,
    snr: float | None = None,
) -> SimulatedImages:
    """Draw n images of representatives of ``groups``; ``snr`` replaces the noise level of the ranges.

    The same seed gives the same directions and nuisances at every noise level, so that levels compare.
    """
    rng = np.random.default_rng((seed, _STREAM))
    group = np.array(groups)[rng.integers(0, len(groups), n)]
    by_class = {c.name: c for c in index.classes}
    pixel = np.array([by_class[index.groups[g].size_class].pixel_size_angstrom for g in group])
    box = index.classes[0].box_px
    parameters = ranges.sample(rng, n, pixel * box)
    if snr is not None:
        parameters = parameters.with_values(snr=snr)
    names = sorted({index.groups[g].representative for g in group})
    place = np.array([names.index(index.groups[g].representative) for g in group])
    shot = index.simulator(names).micrographs(place, parameters, pixel, box, seed)
    return SimulatedImages(shot.micrographs.cpu(), pixel, group, parameters)
