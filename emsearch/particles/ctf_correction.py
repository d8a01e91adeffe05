"""Stand-in: no correction."""

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.source import Optics

__all__ = ["correct_ctf"]


def correct_ctf(
    images: NDArray[np.float32], pixel_size_angstrom: float, optics: Optics, method: str
) -> NDArray[np.float32]:
    """Return images as they are."""
    return images
