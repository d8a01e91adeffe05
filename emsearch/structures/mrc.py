"""MRC / CCP4 maps from bytes: density and voxel size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emsearch.structures.errors import StructureError

__all__ = ["Density", "read_mrc"]

_HEADER_BYTES = 1024
_EXTENDED_BYTES_MAX = 1 << 20
_VOXEL_ANGSTROM_MAX = 100.0
_MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


@dataclass(frozen=True, slots=True)
class Density:
    """A density map: float32 values (nz, ny, nx) and the voxel's edges along (x, y, z) in A."""

    values: NDArray[np.float32]
    voxel_angstrom: tuple[float, float, float]


def _byte_order(content: bytes, name: str) -> str:
    """Return "<" or ">": the one in which the mode is known and the axes are a permutation."""
    for order in "<>":
        words = np.frombuffer(content, f"{order}i4", 20)
        if int(words[3]) in _MODES and sorted(words[16:19].tolist()) == [1, 2, 3]:
            return order
    if content[208:212] == b"MAP ":
        raise StructureError(
            f"{name}: MRC header with an unknown data mode or axis order; "
            "expected mode 0, 1, 2, 6 or 12 and axes 1, 2, 3."
        )
    raise StructureError(f"{name}: is not an MRC or CCP4 map (no MAP stamp, no valid header).")


def _voxel_size(
    words: NDArray[np.int32], floats: NDArray[np.float32], name: str
) -> tuple[float, float, float]:
    """Cell edge over sampling, along x, y and z."""
    sampling, cell, angles = words[7:10], floats[10:13], floats[13:16]
    with np.errstate(divide="ignore", invalid="ignore"):
        voxel = cell.astype(np.float64) / sampling
    if not (np.isfinite(voxel).all() and (voxel > 0.0).all() and (voxel <= _VOXEL_ANGSTROM_MAX).all()):
        shown = " x ".join(f"{edge:g}" for edge in voxel)
        raise StructureError(
            f"{name}: voxel size {shown} A in the header; expected more than 0 and at most "
            f"{_VOXEL_ANGSTROM_MAX:g} A, so correct the header."
        )
    if not np.allclose(angles, 90.0, atol=0.1) and not np.allclose(angles, 0.0):
        raise StructureError(f"{name}: the cell angles are not 90 degrees; give a map on an orthogonal grid.")
    return float(voxel[0]), float(voxel[1]), float(voxel[2])


def read_mrc(content: bytes, name: str) -> Density:
    """Read a map from the bytes of an MRC2014 or CCP4 file (Cheng et al. 2015, J Struct Biol 192:146).

    Axes are brought into the order (z, y, x) from MAPC, MAPR and MAPS; origin and start are ignored, since
    the particle is centred afterwards.

    Raises
    ------
    StructureError
        No such file, unknown mode, header larger than the file, absurd voxel size, values not finite.
    """
    if len(content) < _HEADER_BYTES:
        raise StructureError(f"{name}: {len(content)} bytes, shorter than the 1,024 of an MRC header.")
    order = _byte_order(content, name)
    words = np.frombuffer(content, f"{order}i4", 56)
    floats = np.frombuffer(content, f"{order}f4", 56)
    shape = tuple(int(n) for n in words[2::-1])  # sections, rows, columns
    extended = int(words[23])
    if not 0 <= extended <= _EXTENDED_BYTES_MAX:
        raise StructureError(f"{name}: extended header of {extended:,} bytes; expected at most 1 MiB.")
    kind = np.dtype(f"{order}{_MODES[int(words[3])]}")
    voxels = shape[0] * shape[1] * shape[2]
    needed = _HEADER_BYTES + extended + voxels * kind.itemsize
    if min(shape) <= 0 or needed > len(content):
        raise StructureError(
            f"{name}: the header announces {shape[2]} x {shape[1]} x {shape[0]} voxels ({needed:,} bytes), "
            f"the file has {len(content):,}; it is truncated or damaged."
        )
    values = np.frombuffer(content, kind, voxels, _HEADER_BYTES + extended).astype(np.float32)
    if not np.isfinite(values).all():
        raise StructureError(f"{name}: the map holds values that are not finite (NaN or infinite).")
    stored = words[18:15:-1].tolist()  # which axis (1 x, 2 y, 3 z) sections, rows and columns run along
    turned = values.reshape(shape).transpose([stored.index(axis) for axis in (3, 2, 1)])
    return Density(np.ascontiguousarray(turned), _voxel_size(words, floats, name))
