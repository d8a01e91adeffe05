"""What a projector needs of each image, whichever backend draws it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.imaging.blur import SIGMA_OVER_RESOLUTION, blur_taps
from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.parameters import ImageParameters
from emsearch.shapes.rotations import quaternions_to_matrices

__all__ = ["Exposure", "expose"]

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Exposure:
    """n images to draw: which structure, how it lies, what each bead weighs, how far it is blurred.

    ``matrix`` (n, 3, 3) takes coordinates in A to pixels across the beam (rows 0, 1) and to A along it
    (row 2). ``centre_px`` (n, 2) is where the centre of mass lands, (x, y). ``stain`` (n, 5) holds, for each
    image, whether it is stained, fill, softness in A, top signal and uptake. ``taps`` (n, radius + 1) are the
    blur.
    """

    structure: NDArray[np.int64]
    matrix: Array
    centre_px: Array
    stain: Array
    taps: Array


def expose(
    cloud: BeadCloud,
    structure: NDArray[np.integer],
    parameters: ImageParameters,
    pixel_size_angstrom: NDArray[np.floating],
    box_px: int,
) -> Exposure:
    """Turn parameters into what the projectors draw; arrays have one row an image."""
    p = parameters
    pixel = np.asarray(pixel_size_angstrom, np.float64)
    across = p.magnification / pixel
    scale = np.stack([across * p.widening, across * p.widening, p.flattening], axis=1)
    matrix = quaternions_to_matrices(p.quaternion) * scale[:, :, None]
    # Row 0 of an image is at the top, and y counts rows; the centre of rotation is pixel box // 2, as in
    # RELION.
    centre = box_px // 2 + p.shift_angstrom / pixel[:, None]
    width = cloud.width_angstrom[structure]
    sigma = np.hypot(SIGMA_OVER_RESOLUTION * p.resolution_angstrom, width) * across
    stain = np.stack([p.stained, p.fill, p.softness_angstrom, p.top_signal, p.uptake], axis=1)
    return Exposure(
        structure=np.asarray(structure, np.int64),
        matrix=matrix.astype(np.float32),
        centre_px=centre.astype(np.float32),
        stain=stain.astype(np.float32),
        taps=blur_taps(sigma),
    )
