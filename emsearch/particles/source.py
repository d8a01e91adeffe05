"""Stand-in: particles of an MRC stack."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mrcfile
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from emsearch.search.errors import ImageError
from emsearch.search.reading import check_image

__all__ = ["Optics", "ParticleSource", "open_particles"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """Optics of n particles, float64 (n,), NaN where unknown."""

    voltage_kv: Floats
    cs_mm: Floats
    amplitude_contrast: Floats
    defocus_u_um: Floats
    defocus_v_um: Floats
    defocus_angle_degrees: Floats
    phase_shift_degrees: Floats


class ParticleSource:
    """Particles of a stack."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.format = "MRC"
        with mrcfile.mmap(path, permissive=True) as file:
            data = file.data if file.data.ndim == 3 else file.data[None]
            self.count = len(data)
            pixel = float(file.voxel_size.x)
        self.pixel_size_angstrom = np.full(self.count, pixel if pixel > 0 else np.nan)
        self.pixel_size_source = "MRC header" if pixel > 0 else "none"
        unknown = np.full(self.count, np.nan)
        self.optics = Optics(*[unknown] * 7)
        self.columns: pa.Table | None = None
        self.notes: tuple[str, ...] = ()

    def name(self, row: int) -> str:
        """Return the name of a particle."""
        return f"{row + 1}@{Path(self.path).name}"

    def read(self, rows: Sequence[int]) -> list[NDArray[np.float32] | ImageError]:
        """Read particles."""
        with mrcfile.mmap(self.path, permissive=True) as file:
            data = file.data if file.data.ndim == 3 else file.data[None]
            return [_checked(np.array(data[row], np.float32), self.name(row)) for row in rows]


def _checked(image: NDArray[np.float32], name: str) -> NDArray[np.float32] | ImageError:
    try:
        check_image(image, name)
    except ImageError as problem:
        return problem
    return image


def open_particles(spec: str, *, root: Path | None = None) -> ParticleSource:
    """Open a stack."""
    if re.match(r"\d+@", spec) or not Path(spec).is_file():
        raise ImageError(f"{spec} does not exist; give the path of a stack")
    return ParticleSource(spec)
