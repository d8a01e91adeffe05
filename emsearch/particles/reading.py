"""Read the user's images: PNG, TIFF, JPEG, MRC, EMAN2, IMAGIC, SPIDER, or one image of a stack as ``N@stack.mrcs``.

The bytes are decoded by another process (``decoding.py``) under limits of memory and time; this module opens
the file and judges what comes back.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.decoder import decode
from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.opened_file import UnusableFileError
from emsearch.particles.regular_files import opened_job

__all__ = ["ImageStack", "check_image", "read_images", "source_of_pixel_size", "validate_pixel_size"]

MIN_SIDE_PX = 16
MAX_PIXEL_SIZE_ANGSTROM = 100.0
_MAX_MAGNITUDE = 1e15  # squares of pixels are summed in float32 later, which ends at 3e38
_MIN_SPREAD = 1e-15
_IMAGE_OF_STACK = re.compile(r"([0-9]{1,12})@(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageStack:
    """Images of one file.

    Attributes
    ----------
    path : str
        The file, without ``N@``.
    numbers : tuple of int, (n,)
        1-based number of each image in the file.
    images : float32 (n, height, width)
        Pixels as stored, row 0 at the top.
    pixel_size_angstrom : float or None
        None where the file does not say.
    pixel_size_source : str
        ``"MRC header"``, ``"EMAN.apix_x"`` or ``"none"``.
    format : str
        ``"PNG"``, ``"TIFF"``, ``"JPEG"``, ``"MRC"``, ``"EMAN2 HDF"``, ``"IMAGIC"`` or ``"SPIDER"``.
    notes : tuple of str
        What the user should know: colour converted, header values not used, images left out.
    """

    path: str
    numbers: tuple[int, ...]
    images: NDArray[np.float32]
    pixel_size_angstrom: float | None
    pixel_size_source: str
    format: str
    notes: tuple[str, ...]


def read_images(
    spec: str | Path,
    *,
    max_images: int | None = None,
    check: bool = True,
    limits: ReadingLimits = ReadingLimits(),  # noqa: B008  (frozen)
) -> ImageStack:
    """Read one image or a stack; the format is told by content, not by suffix.

    MRC sections are images, of a volume as of a stack, and keep their order in memory: row 0 of the file is
    row 0 here, as in RELION, cryoSPARC and mrcfile, although the MRC standard counts y upwards.

    Parameters
    ----------
    spec : str or Path
        A file, or ``N@file`` for image N, counted from 1 as RELION writes it.
    max_images : int, optional
        Read only the first so many images of a stack.
    check : bool
        Call ``check_image`` on every image; a caller that would rather skip bad images passes False and calls
        it itself.
    limits : ReadingLimits
        What the file may cost.

    Raises
    ------
    ImageError
        The file or an image in it cannot be used.
    """
    if max_images is not None and max_images < 1:
        raise ImageError(f"{max_images} images of {spec} were asked for; ask for 1 or more")
    number, path = _split(str(spec))
    try:
        numbers = None if number is None else (number,)
        with opened_job(path, limits, numbers=numbers, max_images=max_images) as job:
            (found,) = decode([job])
            if isinstance(found, UnusableFileError):
                raise found
    except UnusableFileError as problem:
        raise ImageError(f"{path} {problem}") from None
    header, images = found.header, found.images
    read = tuple(range(header["first"], header["first"] + len(images)))
    if check:
        for k, image in zip(read, images, strict=True):
            check_image(image, f"{k}@{path}" if len(images) > 1 or number is not None else path)
    pixel_size = header["pixel_size_angstrom"]
    return ImageStack(
        path=path,
        numbers=read,
        images=images,
        pixel_size_angstrom=pixel_size,
        pixel_size_source=source_of_pixel_size(header),
        format=header["format"],
        notes=tuple(header["notes"]),
    )


def check_image(image: NDArray[np.float32], name: str) -> None:
    """Refuse an image (height, width) that no search can use: tiny, not finite, or without contrast.

    Raises
    ------
    ImageError
        With ``name`` as the sentence's subject.
    """
    height, width = image.shape
    if min(height, width) < MIN_SIDE_PX:
        raise ImageError(f"{name} is {width} x {height} px; at least {MIN_SIDE_PX} px a side are needed")
    low, high = float(image.min()), float(image.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(image)))
        raise ImageError(
            f"{name} has {bad} pixels that are not finite (NaN or infinite); mask or replace them"
        )
    if max(-low, high) > _MAX_MAGNITUDE:
        raise ImageError(
            f"{name} has values from {low:.3g} to {high:.3g}; scale them below {_MAX_MAGNITUDE:g}"
        )
    if high - low < _MIN_SPREAD:
        raise ImageError(
            f"{name} has no contrast: every pixel is {low:g}; give an image that shows a particle"
        )


def source_of_pixel_size(header: dict[str, Any]) -> str:
    """Return where the pixel size of a decoded file comes from."""
    if header["pixel_size_angstrom"] is None:
        return "none"
    return "EMAN.apix_x" if header["format"] == "EMAN2 HDF" else "MRC header"


def validate_pixel_size(value: float) -> float:
    """Return a pixel size in A that the user gave, or raise ImageError where it cannot be one.

    >>> validate_pixel_size(4.3)
    4.3
    """
    if not 0.0 < value <= MAX_PIXEL_SIZE_ANGSTROM:
        raise ImageError(
            f"--pixel-size {value:g} is not a pixel size; give Angstrom a pixel, above 0 and at most"
            f" {MAX_PIXEL_SIZE_ANGSTROM:g}"
        )
    return float(value)


def _split(spec: str) -> tuple[int | None, str]:
    match = _IMAGE_OF_STACK.fullmatch(spec)
    return (int(match[1]), match[2]) if match else (None, spec)
