"""Pictures of a shape: projections in full stain, framed alike, with what a scale bar needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from emsearch.gallery.viewing_axes import six_views
from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.geometry import expose
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.project_cpu import project
from emsearch.shapes.prepared import comparison_resolution
from emsearch.structures.beads import BeadModel
from emsearch.structures.features import gyration_tensor

__all__ = ["Projections", "draw_projections", "scale_bar_angstrom"]

_MARGIN_SIGMAS = 3.0
_MARGIN_SHARE = 0.04


@dataclass(frozen=True, slots=True, eq=False)
class Projections:
    """Images float32 (n, box, box) of one scale, each 0 where there is nothing and 1 at its brightest, and their names."""

    names: tuple[str, ...]
    images: NDArray[np.float32]
    pixel_size_angstrom: float

    @property
    def side_angstrom(self) -> float:
        """What one image measures across."""
        return int(self.images.shape[-1]) * self.pixel_size_angstrom


def draw_projections(beads: BeadModel, box_px: int, views: int = 6) -> Projections:
    """Draw the first of the `six_views`, each in the middle of its frame.

    The resolution is that at which shapes are compared, min(20 A, Rg / 2).
    """
    six = six_views(beads)
    turns = six.turns[:views]
    cloud = BeadCloud.from_models([beads])
    width = float(cloud.width_angstrom[0])
    rg = float(np.sqrt(np.trace(gyration_tensor(beads))))
    resolution = comparison_resolution(rg, width)
    across = np.einsum("vij,nj->vni", turns[:, :2], beads.centroid_angstrom.astype(np.float64))
    low, high = across.min(axis=1), across.max(axis=1)
    margin = _MARGIN_SIGMAS * float(np.hypot(SIGMA_OVER_RESOLUTION * resolution, width))
    side = (1 + 2 * _MARGIN_SHARE) * (float((high - low).max()) + 2 * margin)
    parameters = clean_parameters(_quaternions(turns), resolution_angstrom=resolution).with_values(
        shift_angstrom=(-(low + high) / 2).astype(np.float32)
    )
    pixel = side / box_px
    exposure = expose(cloud, np.zeros(len(turns), np.int64), parameters, np.full(len(turns), pixel), box_px)
    images = project(cloud, exposure, box_px)
    return Projections(
        six.names[:views], np.clip(images / images.max(axis=(1, 2), keepdims=True), 0, 1), pixel
    )


def _quaternions(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotation matrices (n, 3, 3) as quaternions (n, 4), scalar first."""
    return np.roll(Rotation.from_matrix(turns).as_quat(), 1, axis=1)


def scale_bar_angstrom(side_angstrom: float) -> float:
    """Return the longest of 1, 2, 5, 10, 20 ... A that takes at most two fifths of a picture.

    >>> scale_bar_angstrom(130.0), scale_bar_angstrom(2000.0)
    (50.0, 500.0)
    """
    room = 0.4 * side_angstrom
    power = 10.0 ** np.floor(np.log10(room))
    return float(max(step * power for step in (1, 2, 5) if step * power <= room))
