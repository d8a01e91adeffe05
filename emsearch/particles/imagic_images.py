"""IMAGIC stacks: headers of 256 words in a .hed file, pixels in the .img file beside it.

Words as in the IMAGIC file format (M. van Heel et al.; EMAN2's libEM/io/imagicio2.h): 13 rows, 14 columns, 15 type,
69 the machine that wrote it.
"""

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.opened_file import OpenedFile, Request, UnusableFileError, select_numbers

__all__ = ["open_imagic"]

_HEADER_BYTES = 1024
_ROWS, _COLUMNS, _TYPE, _MACHINE = 12 * 4, 13 * 4, 14 * 4, 68 * 4
_DTYPES = {b"REAL": "f4", b"INTG": "i2", b"PACK": "u1", b"LONG": "i4"}
_ORDERS = {b"\x02" * 4: "<", b"\x04" * 4: ">"}


def open_imagic(headers: BinaryIO, pixels: BinaryIO, request: Request) -> OpenedFile:
    """Read the headers of an IMAGIC stack and say how to get at its images."""
    head = headers.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES or request.file_bytes % _HEADER_BYTES:
        raise UnusableFileError(
            f"has {request.file_bytes} bytes, no whole number of IMAGIC headers of {_HEADER_BYTES}; copy it again"
        )
    order = _order(head)
    height, width = (struct.unpack_from(order + "i", head, place)[0] for place in (_ROWS, _COLUMNS))
    kind = head[_TYPE : _TYPE + 4]
    if kind not in _DTYPES:
        raise UnusableFileError(
            f"is an IMAGIC file of type {kind!r}; {', '.join(map(str, _DTYPES))} can be read"
        )
    count = request.file_bytes // _HEADER_BYTES
    numbers = select_numbers(count, height, width, request)
    dtype = np.dtype(order + _DTYPES[kind])
    image_bytes = height * width * dtype.itemsize
    if count * image_bytes > (request.mate_bytes or 0):
        raise UnusableFileError(
            f"promises {count} images of {width} x {height} px, {count * image_bytes} bytes, and its .img file has "
            f"{request.mate_bytes}; copy both again"
        )

    def decode(number: int) -> NDArray[Any]:
        pixels.seek((number - 1) * image_bytes)
        return np.frombuffer(pixels.read(image_bytes), dtype).reshape(height, width)

    return OpenedFile("IMAGIC", count, height, width, numbers, None, (), decode)


def _order(head: bytes) -> str:
    """Return ``<`` or ``>`` by the machine's word, or else by the order in which the width is small."""
    machine = head[_MACHINE : _MACHINE + 4]
    if machine in _ORDERS:
        return _ORDERS[machine]
    return "<" if 0 < struct.unpack_from("<i", head, _COLUMNS)[0] < 2**16 else ">"
