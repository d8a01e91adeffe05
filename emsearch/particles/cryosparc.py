"""cryoSPARC's particle tables (.cs), and the passthrough file that holds what one job did not touch.

Names of fields as in the cryoSPARC guide, "Manipulating .cs files".
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from emsearch.particles.errors import ImageError
from emsearch.particles.optics import Optics
from emsearch.particles.particle_table import ParticleTable, checked_pixel_sizes, numbers

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cryosparc_particles", "passthrough_of", "with_passthrough"]

_ANGSTROM_PER_UM = 1e4


def passthrough_of(path: Path) -> Path | None:
    """Return the passthrough file beside a .cs file: of the same job, ``..._passthrough_particles...cs``."""
    if "passthrough" in path.name:
        return None
    job = path.name.split("_")[0]
    return next(iter(sorted(path.parent.glob(f"{job}_passthrough_particles*.cs"))), None)


def with_passthrough(particles: "pa.Table", more: "pa.Table", path: Path) -> "pa.Table":
    """Return the table with the fields that only the passthrough table has, joined on ``uid``.

    Raises
    ------
    ImageError
        The passthrough table lacks a particle.
    """
    if "uid" not in particles.column_names or "uid" not in more.column_names:
        return particles
    place = {uid: k for k, uid in enumerate(more.column("uid").to_pylist())}
    rows = [place.get(uid, -1) for uid in particles.column("uid").to_pylist()]
    if -1 in rows:
        raise ImageError(
            f"{path}, row {rows.index(-1) + 1}, has a uid that its passthrough file lacks; export both from one job"
        )
    matched = more.take(rows)
    for name in more.column_names:
        if name not in particles.column_names:
            particles = particles.append_column(name, matched.column(name))
    return particles


def cryosparc_particles(particles: "pa.Table", path: Path) -> ParticleTable:
    """Return the particles of a cryoSPARC table.

    Raises
    ------
    ImageError
        It names no images, or a pixel size cannot be one.
    """
    missing = [name for name in ("blob/path", "blob/idx") if name not in particles.column_names]
    if missing:
        raise ImageError(
            f"{path} has no field {missing[0]}, so it names no images; give the .cs file of extracted particles"
        )

    def column(name: str, factor: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        found = numbers(particles, name, path)
        return np.full(particles.num_rows, np.nan) if found is None else found * factor

    sizes, name = column("blob/psize_A"), "blob/psize_A"
    known = name in particles.column_names
    return ParticleTable(
        format="cryoSPARC",
        stack=tuple(stack.removeprefix(">") for stack in particles.column("blob/path").to_pylist()),
        number=np.asarray(column("blob/idx") + 1, np.int64),
        pixel_size_angstrom=checked_pixel_sizes(sizes, name, path) if known else sizes,
        pixel_size_source=name if known else "none",
        optics=Optics(
            voltage_kv=column("ctf/accel_kv"),
            cs_mm=column("ctf/cs_mm"),
            amplitude_contrast=column("ctf/amp_contrast"),
            defocus_u_um=column("ctf/df1_A", 1 / _ANGSTROM_PER_UM),
            defocus_v_um=column("ctf/df2_A", 1 / _ANGSTROM_PER_UM),
            defocus_angle_degrees=column("ctf/df_angle_rad", 180 / np.pi),
            phase_shift_degrees=column("ctf/phase_shift_rad", 180 / np.pi),
        ),
        columns=particles,
        notes=(),
    )
