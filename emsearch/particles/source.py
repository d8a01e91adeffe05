"""Stand-in: particles of an MRC stack or a RELION STAR file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
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
    """Particles of a stack or table."""

    def __init__(
        self, path: str, fmt: str, places: list[tuple[int, str]], pixel: float, columns: pa.Table | None
    ) -> None:
        self.path, self.format, self.columns = path, fmt, columns
        self._places = places
        self.count = len(places)
        self.pixel_size_angstrom = np.full(self.count, pixel if pixel > 0 else np.nan)
        self.pixel_size_source = "header" if pixel > 0 else "none"
        unknown = np.full(self.count, np.nan)
        self.optics = Optics(*[unknown] * 7)
        self.notes: tuple[str, ...] = ()

    def name(self, row: int) -> str:
        """Return the name of a particle."""
        number, path = self._places[row]
        return f"{number}@{Path(path).name}"

    def read(self, rows: Sequence[int]) -> list[NDArray[np.float32] | ImageError]:
        """Read particles."""
        return [self._read(row) for row in rows]

    def _read(self, row: int) -> NDArray[np.float32] | ImageError:
        number, path = self._places[row]
        try:
            with mrcfile.mmap(path, permissive=True) as file:
                data = file.data if file.data.ndim == 3 else file.data[None]
                image = np.array(data[number - 1], np.float32)
            check_image(image, self.name(row))
        except FileNotFoundError:
            return ImageError(f"{path} does not exist; give the path of a stack")
        except ImageError as problem:
            return problem
        return image


def open_particles(spec: str, *, root: Path | None = None) -> ParticleSource:
    """Open a stack or table."""
    if re.match(r"\d+@", spec) or not Path(spec).is_file():
        raise ImageError(f"{spec} does not exist; give the path of a stack")
    if not spec.endswith(".star"):
        with mrcfile.mmap(spec, permissive=True) as file:
            n = len(file.data) if file.data.ndim == 3 else 1
            return ParticleSource(
                spec, "MRC", [(k + 1, spec) for k in range(n)], float(file.voxel_size.x), None
            )
    document = gemmi.cif.read(spec)
    pixel = 0.0
    for block in document:
        pixel = float(next(iter(block.find_values("_rlnImagePixelSize")), pixel))
    loop = next(b for b in document if b.find_values("_rlnImageName")).find_loop("_rlnImageName").get_loop()
    columns = pa.table(
        {
            tag[1:]: [gemmi.cif.as_string(v) for v in loop.values[k :: loop.width()]]
            for k, tag in enumerate(loop.tags)
        }
    )
    base = root or Path(spec).parent
    names = [name.split("@") for name in columns.column("rlnImageName").to_pylist()]
    return ParticleSource(spec, "STAR", [(int(k), str(base / path)) for k, path in names], pixel, columns)
