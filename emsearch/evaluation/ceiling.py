"""The ceiling: exhaustive projection matching of images with every structure, no network and no shortlist.

Noise-free views over the whole sphere and several stain heights, at the class's own sampling, are correlated with the image
at every in-plane angle and shift. One answer goes by the best normalised correlation; the other by the likelihood
summed over all poses under the noise around the particle (F. J. Sigworth, J. Struct. Biol. 122:328, 1998).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.search.coarse import CoarseQuery
from emsearch.search.coarse_views import CoarseSettings, CoarseViews
from emsearch.search.framed_target import framed_targets
from emsearch.search.library import StructureLibrary
from emsearch.search.target import Target

__all__ = ["EXHAUSTIVE", "Ceiling", "ceiling_scores"]

EXHAUSTIVE = CoarseSettings(
    nside=8,
    fills=(1.0, 0.8, 0.64, 0.51, 0.41, 0.33),
    reduction=1,
    angles=72,
    shift_px=4.5,
    shift_step_px=1.25,
)
"""768 directions, six stain heights, 5 degrees in the plane, 37 shifts, at the full sampling."""

_LARGE_ANGSTROM = 300.0  # longer structures need four times the directions
_LARGE_NSIDE = 16


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Best correlations and log-likelihoods, each (n, s), of n images with s structures, and the time of an image."""

    correlation: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    seconds_per_image: float


def ceiling_scores(
    library: StructureLibrary,
    images: Tensor,
    pixel_size_angstrom: NDArray[np.floating],
    structures: Sequence[str],
    *,
    box_px: int,
    settings: CoarseSettings = EXHAUSTIVE,
    report: Callable[[str], None] = lambda line: None,
) -> Ceiling:
    """Match bright-particle images (n, h, w) with structures of a library by name, in the box of its size classes.

    Structure by structure, so that the views of one alone are in memory; the time is that of both answers, views' drawing
    included.
    """
    started = time.monotonic()
    pixels = np.asarray(pixel_size_angstrom).tolist()
    targets = [
        framed_targets(image, [pixel], box_px)[0][0] for image, pixel in zip(images, pixels, strict=True)
    ]
    correlation = np.empty((len(targets), len(structures)))
    likelihood = np.empty_like(correlation)
    # What a query holds does not depend on the number of directions.
    even = [CoarseQuery(_unweighted(target), settings) for target in targets]
    weighted = [CoarseQuery(target, settings) for target in targets]
    for s, name in enumerate(structures):
        views, own = CoarseViews(library), _settings_of(library, name, settings)
        for k in range(len(targets)):
            of_structure = views.of(name, even[k].frame, own)
            correlation[k, s] = even[k].curves(of_structure).best.max()
            likelihood[k, s] = weighted[k].match(of_structure).evidence
        report(f"ceiling: {s + 1} of {len(structures)} structures")
    return Ceiling(correlation, likelihood, (time.monotonic() - started) / max(1, len(targets)))


def _settings_of(library: StructureLibrary, name: str, settings: CoarseSettings) -> CoarseSettings:
    extent = 2 * float(np.linalg.norm(library.model(name).centroid_angstrom, axis=1).max())
    return replace(settings, nside=_LARGE_NSIDE) if extent > _LARGE_ANGSTROM else settings


def _unweighted(target: Target) -> Target:
    return replace(target, weight=torch.ones_like(target.weight))
