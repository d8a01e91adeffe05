"""A planted difference: a structure and the same without one lobe, so that it is known what tells them apart."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import ImageParameters
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel

__all__ = ["Planted", "projected_lobe", "without_lobe"]

_INSIDE = 0.25  # of the lobe's peak: what is above is the lobe


@dataclass(frozen=True, slots=True)
class Planted:
    """A structure with its lobe, whose beads ``lobe`` (n,) marks, and without it about its own centre of mass."""

    whole: BeadModel
    rest: BeadModel
    lobe: NDArray[np.bool_]


def without_lobe(model: BeadModel, share: float = 0.15) -> Planted:
    """Take the compact lobe of so large a share of the beads that lies around the one furthest from the middle."""
    place = model.centroid_angstrom.astype(np.float64)
    tip = place[np.linalg.norm(place, axis=1).argmax()]
    order = np.argsort(np.linalg.norm(place - tip, axis=1), kind="stable")
    lobe = np.zeros(len(model), np.bool_)
    lobe[order[: max(1, round(share * len(model)))]] = True
    rest = _chosen(model, ~lobe)
    centre = np.average(rest.centroid_angstrom, axis=0, weights=rest.mass_da)
    moved = (rest.centroid_angstrom - centre).astype(np.float32)
    return Planted(model, replace(rest, centroid_angstrom=moved), lobe)


def projected_lobe(
    planted: Planted, parameters: ImageParameters, pixel_size_angstrom: float, box_px: int
) -> NDArray[np.bool_]:
    """Return the pixels (n, box, box) in which the lobe shows, in images of the whole that n parameters draw.

    Of stained images those of the whole lobe, as if the stain covered it.
    """
    n = len(parameters)
    # A lobe keeps the whole's coordinates, so that it falls where it falls in the whole.
    simulator = Simulator(BeadCloud.from_models([_chosen(planted.whole, planted.lobe)]))
    drawn = simulator.projections(
        np.zeros(n, np.int64), parameters.with_values(fill=1.0), np.full(n, pixel_size_angstrom), box_px
    ).numpy()
    return np.asarray(drawn > _INSIDE * drawn.max((1, 2), keepdims=True))


def _chosen(model: BeadModel, where: NDArray[np.bool_]) -> BeadModel:
    return BeadModel(*(getattr(model, name)[where] for name in model.__slots__))
