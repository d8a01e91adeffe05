"""What can be said of a particle without naming it: its mass, size, shape and stain, read off the image."""

import numpy as np

from emsearch.network.quantities import QUANTITIES, from_pixels
from emsearch.search.engine import SearchIndex
from emsearch.search.hits import Quantities, Quantity
from emsearch.search.proposal import Proposals

__all__ = ["quantities_of_image"]


def quantities_of_image(
    index: SearchIndex, proposals: Proposals, k: int, pixel_size_angstrom: float | None, size_class: str
) -> Quantities | None:
    """Return the quantities of image k of some that the network has seen, as of a size class in which it saw them.

    None where the pixel size is unknown, for then nothing has a size, or where the index has no head for it.
    """
    if proposals.readings is None or pixel_size_angstrom is None:
        return None
    names = [index.classes[s.size_class].name for s in proposals.samplings]
    sampling = names.index(size_class)
    readings = proposals.readings[sampling]
    pixel = np.array([index.classes[proposals.samplings[sampling].size_class].pixel_size_angstrom])
    mean, half = readings.mean[k : k + 1], readings.half[k : k + 1]
    value, low, high = (from_pixels(v, pixel)[0].tolist() for v in (mean, mean - half, mean + half))
    read = {
        name: Quantity(*of) for name, of in zip(QUANTITIES, zip(value, low, high, strict=True), strict=False)
    }
    return Quantities(**read)
