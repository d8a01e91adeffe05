"""Images whose physical quantities are known, and how well a head reads them off."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emsearch.evaluation.hollow import hollowness
from emsearch.imaging.parameters import ImageParameters, ParameterRanges
from emsearch.network.quantities import QuantityHead, fit_head, to_pixels
from emsearch.search.engine import IndexedClass, SearchIndex
from emsearch.search.prepare import frame
from emsearch.shapes.rotations import quaternions_to_matrices
from emsearch.structures.beads import BeadModel

__all__ = ["QuantityImages", "draw_quantity_images", "fit_quantities", "held_out_groups"]

_AT_ONCE = 256
_NEIGHBOUR = 1.25  # a molecule is also looked at in a class whose range it misses by this factor
_OUT_OF = 5  # groups, one of which is held out

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class QuantityImages:
    """n images as the network's pooled features see them, and the truth, (n, 6) as in `QUANTITIES`.

    ``group`` (n,) numbers the molecule's group in the index.
    """

    features: Tensor
    truth: Floats
    pixel_size_angstrom: Floats
    group: NDArray[np.int64]
    parameters: ImageParameters

    @property
    def target(self) -> Floats:
        """The truth as the head predicts it."""
        return to_pixels(self.truth, self.pixel_size_angstrom)


def draw_quantity_images(
    index: SearchIndex,
    groups: Sequence[int],
    images: int,
    seed: int,
    *,
    ranges: ParameterRanges | None = None,
    snr: float | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> QuantityImages:
    """Draw images of all members of some groups with every nuisance, and read the network's features.

    A molecule near the edge of its size class is drawn at the pixel size of the next class in half of its images, for an
    unknown one may be looked at in either.
    """
    rng = np.random.default_rng((seed, 17))
    group = rng.choice(np.asarray(groups), images)
    names = [str(rng.choice(index.groups[g].members)) for g in group.tolist()]
    extent = {name: dmax_of(index.library.model(name)) for name in dict.fromkeys(names)}
    pixel = np.array([_pixel_size(index.classes, extent[name], rng) for name in names])
    box = index.classes[0].box_px
    parameters = (ranges or ParameterRanges()).sample(rng, images, pixel * box)
    if snr is not None:
        parameters = parameters.with_values(snr=snr)
    features, truth = [], []
    for first in range(0, images, _AT_ONCE):
        some = slice(first, min(first + _AT_ONCE, images))
        own = list(dict.fromkeys(names[some]))
        simulator = index.simulator(own)
        shown = np.array([own.index(name) for name in names[some]])
        p = parameters[some]
        drawn = simulator.micrographs(shown, p, pixel[some], box, seed + first).micrographs
        features.append(index.features(frame(drawn, 1.0, box, torch.zeros(len(drawn), 2)).images).cpu())
        truth += [
            quantities_of(index.library.model(name), extent[name], quaternion, fill)
            for name, quaternion, fill in zip(names[some], p.quaternion, p.fill, strict=True)
        ]
        report(f"quantities: {some.stop:,} of {images:,} images drawn")
    return QuantityImages(torch.cat(features), np.array(truth), pixel, group, parameters)


def _pixel_size(classes: Sequence[IndexedClass], dmax_angstrom: float, rng: np.random.Generator) -> float:
    def misses(c: IndexedClass) -> float:
        return max(c.dmax_min_angstrom / dmax_angstrom, dmax_angstrom / c.dmax_max_angstrom, 1.0)

    near = sorted((c for c in classes if misses(c) <= _NEIGHBOUR), key=misses)
    chosen = near[int(rng.random() < 0.5)] if len(near) > 1 else near[0]
    return chosen.pixel_size_angstrom


def dmax_of(model: BeadModel) -> float:
    """Return the greatest distance between beads in A."""
    from scipy.spatial import ConvexHull
    from scipy.spatial.distance import pdist

    points = model.centroid_angstrom.astype(np.float64)
    return float(pdist(points[ConvexHull(points).vertices]).max())


def quantities_of(
    model: BeadModel, dmax_angstrom: float, quaternion: NDArray[np.floating], fill: float
) -> Floats:
    """Return the quantities (6,) of a molecule seen from where ``quaternion`` (4,) turns it."""
    mass = model.mass_da.astype(np.float64)
    plane = model.centroid_angstrom @ quaternions_to_matrices(quaternion[None])[0, :2].T
    plane = plane - np.average(plane, axis=0, weights=mass)
    spread = np.average(model.width_angstrom.astype(np.float64) ** 2, weights=mass)
    covariance = (mass[:, None] * plane).T @ plane / mass.sum() + spread * np.eye(2)
    variance, axes = np.linalg.eigh(covariance)
    short, long = np.sqrt(variance)
    hollow = hollowness(plane @ axes / np.sqrt(variance), mass)
    return np.array([mass.sum() / 1000, dmax_angstrom, long, short, fill, hollow])


def held_out_groups(index: SearchIndex, seed: int) -> NDArray[np.int64]:
    """Return a fifth of the groups, drawn at random, one at least."""
    order = np.random.default_rng((seed, 18)).permutation(len(index.groups))
    return np.sort(order[: max(1, len(order) // _OUT_OF)])


def fit_quantities(
    index: SearchIndex, images: int, seed: int, report: Callable[[str], None] = lambda line: None
) -> QuantityHead:
    """Fit a head on simulated images of the index's own structures.

    The ranges are set on a fifth of the groups, which are not fitted; where an index has one group only, on a fifth of the
    images.
    """
    drawn = draw_quantity_images(index, range(len(index.groups)), images, seed, report=report)
    held_out = np.isin(drawn.group, held_out_groups(index, seed))
    if held_out.all() or not held_out.any():
        held_out = np.arange(images) % _OUT_OF == 0
    return fit_head(drawn.features, drawn.target, held_out, seed, report)
