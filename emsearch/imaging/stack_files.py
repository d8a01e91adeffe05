"""Write simulated images as RELION reads them: an MRC stack and a STAR file with the truth of each image."""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import mrcfile
import numpy as np
from gemmi import cif
from numpy.typing import NDArray

from emsearch.imaging.euler_angles import euler_zyz_degrees

__all__ = ["truth_columns", "write_stack"]

Column = Sequence[Any] | NDArray[Any]


def truth_columns(
    structure: Sequence[str],
    quaternion: NDArray[np.floating],
    shift_angstrom: NDArray[np.floating],
    *,
    defocus_um: NDArray[np.floating],
    fill: NDArray[np.floating],
    snr: NDArray[np.floating],
    mirror: NDArray[np.bool_],
) -> dict[str, Column]:
    """Return STAR columns, by name, for n images; the ``ems`` ones are ours, the others RELION's.

    Parameters
    ----------
    structure : n str
        Structure ids.
    quaternion : (n, 4)
        (w, x, y, z), as in ``euler_zyz_degrees``.
    shift_angstrom : (n, 2)
        Particle centre from the image centre, (x, y). RELION's origin is the opposite: what brings it back.
    defocus_um : (n,)
        Underfocus; written in A, the same for U and V.
    fill, snr : (n,)
        Stain height over particle height; signal variance over noise variance (inf is clean).
    mirror : (n,) bool
        The image is the mirror image (x to -x) of the projection that the angles describe.
    """
    angles = euler_zyz_degrees(quaternion)
    origin = 0.0 - np.asarray(shift_angstrom, np.float64)
    defocus_angstrom = 1e4 * np.asarray(defocus_um, np.float64)
    columns: dict[str, Column] = {
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": origin[:, 0],
        "rlnOriginYAngst": origin[:, 1],
        "rlnDefocusU": defocus_angstrom,
        "rlnDefocusV": defocus_angstrom,
        "rlnDefocusAngle": np.zeros(len(angles)),
        "emsStructure": structure,
    }
    columns.update({f"emsQuaternion{name}": quaternion[:, k] for k, name in enumerate("WXYZ")})
    columns.update({"emsFill": fill, "emsSnr": snr, "emsMirror": mirror})
    return columns


def write_stack(
    path: Path,
    images: NDArray[np.float32],
    pixel_size_angstrom: float,
    *,
    star: Path | None,
    metadata: Mapping[str, Column],
    optics: Mapping[str, Any] = MappingProxyType({}),
    label: str | None = None,
) -> None:
    """Write an MRC stack of mode 2 and, where ``star`` names one, a RELION 3.1 STAR file.

    Each file appears whole or not at all; the stack appears first.

    Parameters
    ----------
    path : Path
        The stack, by custom ``.mrcs``.
    images : float32 (n, height, width)
        Written in memory order, row 0 first, as RELION takes them.
    pixel_size_angstrom : float
        Goes into the header and into the optics group.
    star : Path, optional
        Names the images ``000001@stack.mrcs``, the stack as seen from the STAR file's folder.
    metadata : mapping of str to n values
        Columns of ``data_particles``, without the leading underscore, as ``truth_columns`` gives them.
    optics : mapping of str to value
        Further columns of the only optics group, such as rlnVoltage (kV), rlnSphericalAberration (mm) and
        rlnAmplitudeContrast.
    label : str, optional
        A line of the MRC header, at most 80 characters, that says what the images are.

    Raises
    ------
    ValueError
        Images that are no stack, a pixel size that is none, or a column of the wrong length.
    """
    if images.ndim != 3 or images.size == 0:
        raise ValueError(
            f"images have shape {images.shape}; (n, height, width) with none of them 0 is needed"
        )
    if not 0.0 < pixel_size_angstrom < math.inf:
        raise ValueError(f"the pixel size is {pixel_size_angstrom} A; it must be finite and above 0")
    lengths = {name: len(column) for name, column in metadata.items() if len(column) != len(images)}
    if lengths:
        raise ValueError(f"columns {lengths} (name: length) do not match the {len(images)} images")
    with _written_whole(path) as unfinished:
        _write_mrc(unfinished, images, pixel_size_angstrom, label)
    if star is not None:
        stack_name = Path(os.path.relpath(path, star.parent)).as_posix()
        text = _star_text(stack_name, images.shape, pixel_size_angstrom, metadata, optics)
        with _written_whole(star) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


@contextmanager
def _written_whole(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename the file when that went well."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _write_mrc(
    path: Path, images: NDArray[np.float32], pixel_size_angstrom: float, label: str | None
) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.ascontiguousarray(images, np.float32))
        file.set_image_stack()
        file.voxel_size = pixel_size_angstrom
        if label is not None:
            file.add_label(label)


def _star_text(
    stack_name: str,
    shape: tuple[int, ...],
    pixel_size_angstrom: float,
    metadata: Mapping[str, Column],
    optics: Mapping[str, Any],
) -> str:
    n, _, width = shape
    group: dict[str, Column] = {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnImagePixelSize": [pixel_size_angstrom],
        "rlnImageSize": [width],
        "rlnImageDimensionality": [2],
        **{name: [value] for name, value in optics.items()},
    }
    names = [f"{k:06d}@{stack_name}" for k in range(1, n + 1)]
    particles: dict[str, Column] = {"rlnImageName": names, "rlnOpticsGroup": [1] * n, **metadata}
    return _loop("optics", group) + _loop("particles", particles)


def _loop(block: str, columns: Mapping[str, Column]) -> str:
    """Return one STAR data block with a loop, laid out as RELION writes it."""
    lines = ["", f"data_{block}", "", "loop_"]
    lines += [f"_{name} #{k}" for k, name in enumerate(columns, start=1)]
    lines += [" ".join(map(_value, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n\n"


def _value(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.9g}"
    if isinstance(value, (int, np.integer)):
        return str(value)
    return cif.quote(str(value))
