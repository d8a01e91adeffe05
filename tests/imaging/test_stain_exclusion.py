"""The linear stain model against an independent one: stain fills the voxels that the molecule leaves free."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import clean_parameters
from emsearch.imaging.rotations import random_quaternions
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel

VOXEL, BOX = 3.0, 64
RESOLUTION, SOFTNESS = 20.0, 5.0


def stained_voxels(model: BeadModel, q: NDArray[np.float64], fill: float) -> NDArray[np.float64]:
    """Return the picture of the stain in a cube of voxels, molecule bright, at RESOLUTION."""
    place = Rotation.from_quat(q[[1, 2, 3, 0]]).apply(model.centroid_angstrom)
    edges = (np.arange(BOX + 1) - BOX // 2 - 0.5) * VOXEL
    filled, _ = np.histogramdd(place[:, ::-1], bins=[edges] * 3, weights=model.volume_angstrom3)  # z, y, x
    occupied = gaussian_filter(filled / VOXEL**3, 2.5 / VOXEL).clip(0, 1)
    height = (edges[:-1] + edges[1:]) / 2
    surface = place[:, 2].min() + fill * np.ptp(place[:, 2]) if fill < 1 else np.inf
    stain = np.exp(-np.logaddexp(0, (height - surface) / SOFTNESS))
    image = -(stain[:, None, None] * (1 - occupied)).sum(0)
    return np.asarray(gaussian_filter(image - image[0, 0], 0.225 * RESOLUTION / VOXEL, mode="nearest"))


@pytest.mark.parametrize("fill", [1.0, 0.75, 0.5, 0.3])
def test_stain_excluded_voxel_by_voxel_gives_the_same_picture(
    cloud: BeadCloud, model: BeadModel, fill: float
) -> None:
    quaternion = random_quaternions(np.random.default_rng(11), 4)
    parameters = clean_parameters(quaternion, fill=fill, resolution_angstrom=RESOLUTION)
    images = Simulator(cloud).projections(np.zeros(4, int), parameters, np.full(4, VOXEL), BOX).numpy()
    for image, q in zip(images, quaternion, strict=True):
        oracle = stained_voxels(model, q, fill)
        assert np.corrcoef(image.ravel(), oracle.ravel())[0, 1] >= 0.98
