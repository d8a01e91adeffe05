"""A table of particles, whatever program wrote it, in the same words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.errors import ImageError
from emsearch.particles.optics import Optics
from emsearch.particles.reading import MAX_PIXEL_SIZE_ANGSTROM

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParticleTable", "checked_pixel_sizes", "numbers"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ParticleTable:
    """n particles: the stack of each and its 1-based number in it, pixel sizes and optics, and all columns as they stand."""

    format: str
    stack: tuple[str, ...]
    number: NDArray[np.int64]
    pixel_size_angstrom: Floats
    pixel_size_source: str
    optics: Optics
    columns: "pa.Table"
    notes: tuple[str, ...]


def numbers(table: "pa.Table | None", name: str, path: object) -> Floats | None:
    """Return a column as float64 (n,), None where there is none of that name.

    Raises
    ------
    ImageError
        A value is no number.
    """
    if table is None or name not in table.column_names:
        return None
    values = table.column(name).to_pylist()
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError):
        row, value = next((k, v) for k, v in enumerate(values, start=1) if not _is_number(v))
        raise ImageError(
            f"{path}, row {row}: {name} is {value!r} where a number is expected; correct it"
        ) from None


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True


def checked_pixel_sizes(sizes: Floats, name: str, path: object) -> Floats:
    """Return pixel sizes in A (n,), or raise ImageError where one cannot be one."""
    wrong = np.flatnonzero(~((sizes > 0) & (sizes <= MAX_PIXEL_SIZE_ANGSTROM)))
    if len(wrong):
        raise ImageError(
            f"{path}, row {wrong[0] + 1}: {name} gives a pixel size of {sizes[wrong[0]]:g} A; it must be above 0 and at "
            f"most {MAX_PIXEL_SIZE_ANGSTROM:g}, so correct it or give --pixel-size"
        )
    return sizes
