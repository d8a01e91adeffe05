"""EMAN2's HDF5 files: images as datasets ``MDF/images/N/image``, what is known of each as attributes of ``MDF/images/N``.

Links out of the file, external storage and virtual datasets are refused: h5py would follow them to any file.
The layout is EMAN2's (G. Tang et al., J. Struct. Biol. 157:38, 2007; libEM/io/hdfio2.cpp).
"""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.opened_file import (
    OpenedFile,
    Request,
    UnusableFileError,
    check_inflation,
    select_numbers,
)

__all__ = ["open_eman2"]

_IMAGES = ("MDF", "images")


def open_eman2(source: BinaryIO, request: Request) -> OpenedFile:
    """Open an EMAN2 stack, or a single image of it, and say how to get at its images.

    A three-dimensional image is taken as a stack of its sections where it is the only one.
    """
    import h5py

    source.seek(0)
    try:
        group = h5py.File(source, "r")
        for name in _IMAGES:
            group = _own(
                group, name, "is an HDF5 file without MDF/images; only EMAN2's are read, so convert it"
            )
        names = sorted((n for n in group if n.isdigit()), key=int)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise UnusableFileError("is a damaged HDF5 file; copy it again") from error
    if not names:
        raise UnusableFileError("is an EMAN2 file without an image; write it anew")
    first = _dataset(group, names[0])
    sections = first.ndim == 3 and len(names) == 1
    height, width = first.shape[-2:]
    count = first.shape[0] if sections else len(names)
    numbers = select_numbers(count, height, width, request)
    check_inflation(len(numbers), height, width, first.dtype.itemsize, request)

    def decode(number: int) -> NDArray[Any]:
        data = first if sections else _dataset(group, names[number - 1])
        if data.shape[-2:] != (height, width) or (data.ndim == 3 and not sections and data.shape[0] != 1):
            raise UnusableFileError(
                f"holds images of several sizes: {width} x {height} px and, as image {number}, {data.shape}; "
                "name one of them as N@FILE"
            )
        try:
            return np.asarray(data[number - 1] if sections else data[()]).reshape(height, width)
        except (OSError, RuntimeError, ValueError) as error:
            raise UnusableFileError(
                f"cannot be decoded (image {number} is damaged); copy it again"
            ) from error

    return OpenedFile("EMAN2 HDF", count, height, width, numbers, *_pixel_size(group[names[0]]), decode)


def _own(group: Any, name: str, missing: str) -> Any:
    """Return a member that lies in this file itself."""
    import h5py

    if name not in group or group.get(name, getlink=True) is None:
        raise UnusableFileError(missing)
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise UnusableFileError(
            f"links its {name} to somewhere else; only images in the file itself are read"
        )
    return group[name]


def _dataset(group: Any, name: str) -> Any:
    import h5py

    missing = f"has no image in MDF/images/{name}; write it anew"
    data = _own(_own(group, name, missing), "image", missing)
    if not isinstance(data, h5py.Dataset) or data.ndim not in (2, 3) or data.dtype.kind not in "iuf":
        raise UnusableFileError(f"has something else than an image in MDF/images/{name}; write it anew")
    if data.external or data.is_virtual:
        raise UnusableFileError("keeps its pixels in other files; only images in the file itself are read")
    return data


def _pixel_size(attributes: Any) -> tuple[float | None, tuple[str, ...]]:
    try:
        value = float(np.asarray(attributes.attrs.get("EMAN.apix_x", 0.0)).ravel()[0])
    except (OSError, TypeError, ValueError, IndexError):
        value = 0.0
    if 0 < value <= 100:
        return round(value, 6), ()
    note = (f"EMAN.apix_x is {value:g} A, which makes no sense and was not used",) if value else ()
    return None, note
