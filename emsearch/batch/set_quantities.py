"""What the images of a set show together: the median of what each shows, in a range that more images make narrower.

Images of one molecule are off in part together, because the network takes that molecule for another; only the rest averages
out. With a share s of the variance in common, n images leave (s + (1 - s) pi / (2 n)) of it to their median.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emsearch.batch.quantity_columns import intervals_of
from emsearch.network.quantities import QUANTITIES
from emsearch.search.hits import Quantities, Quantity
from emsearch.search.shape_words import shape_word

__all__ = ["KeptQuantities", "together"]

_SIZED = 4  # the first quantities are compared as logarithms
_SHARED = 0.4
"""Of the variance: so that ranges of ten images hold the truth as promised (docs/explanation/quantities.md)."""

Floats = NDArray[np.float64]


class KeptQuantities:
    """Of all particles of a batch, what was read off them."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._intervals = np.concatenate([intervals_of(table) for table in tables])

    def of(self, rows: NDArray[np.int64]) -> tuple[Quantities | None, tuple[tuple[str, int], ...]]:
        """Return what some particles show together, and the words for their shapes with how many images show each."""
        some = self._intervals[rows].astype(np.float64)
        some = some[~np.isnan(some[:, 0, 0])]
        return together(some), _shapes(some[:, :, 0])


def together(intervals: Floats) -> Quantities | None:
    """Return the quantities of a set of images, of values and limits (n, 6, 3); None where there are none."""
    if not len(intervals):
        return None
    scaled = np.concatenate([np.log(intervals[:, :_SIZED]), intervals[:, _SIZED:]], axis=1)
    value = np.median(scaled[:, :, 0], axis=0)
    half = np.median((scaled[:, :, 2] - scaled[:, :, 1]) / 2, axis=0)
    n = len(intervals)
    left = 1.0 if n < 3 else _SHARED + (1 - _SHARED) * np.pi / (2 * n)
    half = half * np.sqrt(left)
    limits = np.stack([value, value - half, value + half], axis=1)
    limits[:_SIZED] = np.exp(limits[:_SIZED])
    limits[_SIZED] = np.maximum(limits[_SIZED], 0.0)
    found = {
        name: Quantity(*of.tolist())
        for name, of in zip(QUANTITIES, limits, strict=True)
        if not np.isnan(of).any()
    }
    return Quantities(**found)


def _shapes(values: Floats) -> tuple[tuple[str, int], ...]:
    """Return the words for n images with the quantities (n, 6), the commonest first."""
    long, short, hollow = (
        values[:, QUANTITIES.index(n)] for n in ("long_angstrom", "short_angstrom", "hollow")
    )
    there = ~np.isnan(hollow)
    words = [
        shape_word(ratio, middle)
        for ratio, middle in zip((long / short)[there].tolist(), hollow[there].tolist(), strict=True)
    ]
    return tuple(Counter(word for word in words if word is not None).most_common())
