"""What the network reads off particles, as columns of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emsearch.network.quantities import QUANTITIES
from emsearch.search.hits import Quantities

__all__ = ["QUANTITY_COLUMNS", "QUANTITY_TYPES", "intervals_of", "quantity_values"]

_ENDS = {"value": "", "low": "_low", "high": "_high"}
_SHAPE = "picture_shape"

QUANTITY_TYPES: dict[str, pa.DataType] = {
    **{f"picture_{name}{end}": pa.float64() for name in QUANTITIES for end in _ENDS.values()},
    _SHAPE: pa.string(),
}
"""A value and its range for each quantity, and the word for the shape; null where nothing is read."""

QUANTITY_COLUMNS = tuple(QUANTITY_TYPES)


def quantity_values(found: Sequence[Quantities | None]) -> dict[str, list[Any]]:
    """Return the columns for some particles."""
    columns: dict[str, list[Any]] = {}
    for name in QUANTITIES:
        of_all = [getattr(q, name) if q is not None else None for q in found]
        for part, end in _ENDS.items():
            columns[f"picture_{name}{end}"] = [None if q is None else getattr(q, part) for q in of_all]
    columns[_SHAPE] = [None if q is None else q.shape for q in found]
    return columns


def intervals_of(rows: pa.Table) -> NDArray[np.float32]:
    """Return values, lower and upper limits of particles, (n, 6, 3), NaN where nothing was read."""
    return np.stack(
        [
            np.column_stack(
                [rows.column(f"picture_{name}{end}").to_numpy().astype(np.float32) for end in _ENDS.values()]
            )
            for name in QUANTITIES
        ],
        axis=1,
    )
