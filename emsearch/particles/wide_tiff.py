"""TIFF of numbers that Pillow does not know (64-bit, half precision), as Python programs write them."""

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

__all__ = ["open_wide_tiff"]

_STORED_OR_DEFLATED = (1, 8, 32946)


def open_wide_tiff(source: BinaryIO, request: Request) -> OpenedFile:
    """Open a grey TIFF of any real dtype, stored plain or deflated, by tifffile."""
    import tifffile

    source.seek(0)
    try:
        file = tifffile.TiffFile(source, name="image.tif")
        count = len(file.pages)
        page = file.pages[min(max((request.numbers or (1,))[0] - 1, 0), count - 1)].aspage()
        shape, dtype, compression = page.shape, page.dtype, int(page.compression)
    except Exception as error:  # a broken file can end in almost any type
        raise UnusableFileError(
            "cannot be decoded as TIFF (its header is damaged or of a kind that is not supported);"
            " copy it again or save it as 8- or 16-bit grey"
        ) from error
    if len(shape) != 2 or dtype is None or dtype.kind not in "iuf" or compression not in _STORED_OR_DEFLATED:
        raise UnusableFileError(
            f"is a TIFF of {dtype} with shape {shape} and compression {compression};"
            " save it as 8- or 16-bit grey or as float without compression"
        )
    height, width = shape
    numbers = select_numbers(count, height, width, request)
    check_inflation(len(numbers), height, width, dtype.itemsize, request)

    def decode(number: int) -> NDArray[Any]:
        page = file.pages[number - 1].aspage()
        if page.shape != shape or page.dtype != dtype:
            raise UnusableFileError(
                f"holds images of several kinds: {shape} {dtype} and, as image {number}, {page.shape}"
                f" {page.dtype}; name one of them as N@FILE"
            )
        try:
            return np.asarray(page.asarray(maxworkers=1))
        except Exception as error:
            raise UnusableFileError(
                f"cannot be decoded as TIFF (image {number} is damaged or cut short); copy it again"
            ) from error

    return OpenedFile("TIFF", count, height, width, numbers, None, (), decode)
