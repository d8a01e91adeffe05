"""MRC and MRCS: header and pixels, from untrusted bytes.

Read here rather than by mrcfile, which allocates what the header asks for before it looks at the file's size.
The layout is MRC2014 (Cheng et al. 2015, doi 10.1016/j.jsb.2015.04.002).
"""

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.opened_file import OpenedFile, Request, UnusableFileError, select_numbers

__all__ = ["HEADER_BYTES", "open_mrc"]

HEADER_BYTES = 1024
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_HALF_BYTES = 101  # two pixels a byte, the first in its low half; rows end on whole bytes (IMOD)
_COMPLEX_MODES = (3, 4)


def open_mrc(source: BinaryIO, request: Request) -> OpenedFile:
    """Read the header of an MRC file, which ``source`` stands at, and say how to get at its images.

    The sections of a volume are images like those of a stack. Row 0 is the first in memory.
    """
    head = source.read(HEADER_BYTES)
    if len(head) < HEADER_BYTES:
        raise UnusableFileError(f"ends within the {HEADER_BYTES} bytes of its MRC header; copy it again")
    order, stamp_notes = _byte_order(head)
    width, height, count, mode = struct.unpack_from(order + "4i", head, 0)
    if min(width, height, count) < 1:
        raise UnusableFileError(
            f"has an MRC header of {count} images of {width} x {height} px; all three must be 1 or more"
        )
    dtype = _dtype(mode, order)
    row_bytes = (width + 1) // 2 if mode == _HALF_BYTES else width * dtype.itemsize
    start = HEADER_BYTES + _extended_bytes(head, order, request.limits.extended_header_bytes)
    image_bytes = height * row_bytes
    size_notes = _check_length(start + count * image_bytes, request.file_bytes)

    def decode(number: int) -> NDArray[Any]:
        source.seek(start + (number - 1) * image_bytes)
        stored = source.read(image_bytes)
        if len(stored) != image_bytes:
            raise UnusableFileError(f"ended within image {number} while it was being read; copy it again")
        rows = np.frombuffer(stored, dtype).reshape(height, -1)
        return np.stack([rows & 15, rows >> 4], axis=2).reshape(height, -1)[:, :width] if halved else rows

    halved = mode == _HALF_BYTES
    numbers = select_numbers(count, height, width, request)
    pixel_size, doubts = _pixel_size(head, order)
    return OpenedFile(
        "MRC", count, height, width, numbers, pixel_size, stamp_notes + size_notes + doubts, decode
    )


def _byte_order(head: bytes) -> tuple[str, tuple[str, ...]]:
    """Return ``<`` or ``>`` by the machine stamp, or else by the order in which the width is small."""
    stamp = {0x44: "<", 0x11: ">"}.get(head[212])
    if stamp is not None:
        return stamp, ()
    order = "<" if 0 < struct.unpack_from("<i", head, 0)[0] < 2**16 else ">"
    word = "little" if order == "<" else "big"
    return order, (f"the MRC machine stamp is not set; read as {word}-endian",)


def _dtype(mode: int, order: str) -> np.dtype[Any]:
    if mode in _COMPLEX_MODES:
        raise UnusableFileError(f"is an MRC file of mode {mode}, a Fourier transform; give it in real space")
    if mode == _HALF_BYTES:
        return np.dtype("u1")
    if mode not in _DTYPES:
        known = ", ".join(map(str, [*_DTYPES, _HALF_BYTES]))
        raise UnusableFileError(f"is an MRC file of mode {mode}; modes {known} can be read")
    return np.dtype(order + _DTYPES[mode])


def _extended_bytes(head: bytes, order: str, most: int) -> int:
    (length,) = struct.unpack_from(order + "i", head, 92)
    if not 0 <= length <= most:
        raise UnusableFileError(f"has an extended MRC header of {length} bytes; 0 to {most} are accepted")
    return int(length)


def _check_length(promised: int, found: int) -> tuple[str, ...]:
    if promised > found:
        raise UnusableFileError(
            f"is cut short: its MRC header promises {promised} bytes, the file has {found}; copy it again"
        )
    return (f"{found - promised} bytes after the last image were ignored",) if found > promised else ()


def _pixel_size(head: bytes, order: str) -> tuple[float | None, tuple[str, ...]]:
    """Return cell / sampling along x in A where it makes sense; a cell of 0 was never filled in."""
    samples = struct.unpack_from(order + "2i", head, 28)
    cell = struct.unpack_from(order + "2f", head, 40)
    if cell == (0.0, 0.0):
        return None, ()
    x, y = (
        round(length / count, 6) if count > 0 else float("nan")
        for length, count in zip(cell, samples, strict=True)
    )
    if not (0 < x <= 100 and 0 < y <= 100 and abs(x - y) <= 0.01 * x):
        return None, (f"the MRC header's pixel size, {x:.4g} x {y:.4g} A, makes no sense and was not used",)
    return x, ()
