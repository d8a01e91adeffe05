"""RELION's particle tables: STAR 3.0 (one table) and 3.1 or later (particles and their optics groups).

Names of columns as in RELION's documentation (relion.readthedocs.io, "Conventions & File formats").
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.errors import ImageError
from emsearch.particles.optics import Optics
from emsearch.particles.particle_table import ParticleTable, checked_pixel_sizes, numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["star_particles"]

Floats = NDArray[np.float64]

_IMAGE, _GROUP = "rlnImageName", "rlnOpticsGroup"
_ANGSTROM_PER_UM = 1e4


def star_particles(tables: "dict[str, pa.Table]", path: Path) -> ParticleTable:
    """Return the particles of a STAR file's tables.

    Raises
    ------
    ImageError
        No table names images, a name is not N@STACK, a particle's optics group is not there, or a value is no number.
    """
    named = [name for name, table in tables.items() if _IMAGE in table.column_names]
    if not named:
        raise ImageError(f"{path} has no table with the column _{_IMAGE}; give the STAR file of particles")
    particles = tables["particles"] if "particles" in named else tables[named[0]]
    columns = _Columns(particles, tables.get("optics"), path)
    stack, number = _places(particles.column(_IMAGE).to_pylist(), path)
    sizes, source = _pixel_sizes(columns)
    return ParticleTable(
        format="STAR",
        stack=stack,
        number=number,
        pixel_size_angstrom=sizes,
        pixel_size_source=source,
        optics=Optics(
            voltage_kv=columns["rlnVoltage"],
            cs_mm=columns["rlnSphericalAberration"],
            amplitude_contrast=columns["rlnAmplitudeContrast"],
            defocus_u_um=columns["rlnDefocusU"] / _ANGSTROM_PER_UM,
            defocus_v_um=columns["rlnDefocusV"] / _ANGSTROM_PER_UM,
            defocus_angle_degrees=columns["rlnDefocusAngle"],
            phase_shift_degrees=columns["rlnPhaseShift"],
        ),
        columns=particles,
        notes=(),
    )


class _Columns:
    """Numbers by name, of the particles themselves or of their optics groups; NaN where neither has them."""

    def __init__(self, particles: "pa.Table", optics: "pa.Table | None", path: Path) -> None:
        self._particles, self._optics, self._path = particles, optics, path
        self._row = self._optics_rows()

    def _optics_rows(self) -> NDArray[np.int64] | None:
        own = numbers(self._particles, _GROUP, self._path)
        groups = numbers(self._optics, _GROUP, self._path)
        if own is None or groups is None:
            return None
        place = {group: k for k, group in enumerate(groups.tolist())}
        missing = [(k, g) for k, g in enumerate(own.tolist(), start=1) if g not in place]
        if missing:
            raise ImageError(
                f"{self._path}, particle {missing[0][0]}, is of optics group {missing[0][1]:g}, which data_optics lacks; "
                "write the table anew"
            )
        return np.array([place[group] for group in own.tolist()], np.int64)

    def __getitem__(self, name: str) -> Floats:
        own = numbers(self._particles, name, self._path)
        if own is not None:
            return own
        of_group = numbers(self._optics, name, self._path)
        if of_group is not None and self._row is not None:
            return np.asarray(of_group[self._row])
        return np.full(self._particles.num_rows, np.nan)

    def checked(self, name: str, factor: Floats | float = 1.0) -> Floats | None:
        """Return pixel sizes from a column, None where it is not there."""
        values = self[name] * factor
        return None if np.isnan(values).all() else checked_pixel_sizes(values, f"_{name}", self._path)


def _pixel_sizes(columns: _Columns) -> tuple[Floats, str]:
    of_image = columns.checked("rlnImagePixelSize")
    if of_image is not None:
        return of_image, "STAR optics group"
    plain = columns.checked("rlnPixelSize")
    if plain is not None:
        return plain, "STAR rlnPixelSize"
    with np.errstate(divide="ignore", invalid="ignore"):
        enlarged = columns.checked("rlnDetectorPixelSize", _ANGSTROM_PER_UM / columns["rlnMagnification"])
    if enlarged is not None:
        return enlarged, "STAR rlnDetectorPixelSize"
    return columns["rlnImagePixelSize"], "none"


def _places(names: list[str], path: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return stack and number of each image name; one without @ is the only image of its file."""
    stacks, number = [], np.ones(len(names), np.int64)
    for k, name in enumerate(names):
        before, at, after = name.partition("@")
        if at and not (before.isascii() and before.isdigit() and 0 < int(before) < 2**31):
            raise ImageError(
                f"{path}, particle {k + 1}: _{_IMAGE} is {name!r}; expected N@STACK with N from 1, so correct it"
            )
        number[k] = int(before) if at else 1
        stacks.append(after if at else name)
    return tuple(stacks), number
