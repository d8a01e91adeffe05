"""SPIDER images and stacks: headers of float32 words before each image (J. Frank et al., J. Struct. Biol. 116:190, 1996).

There are no magic bytes: a file is taken for SPIDER where its words agree with each other and with its size.
"""

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emsearch.particles.opened_file import OpenedFile, Request, UnusableFileError, select_numbers

__all__ = ["is_spider", "open_spider"]

_WORDS = 27
_IMAGE, _VOLUME = 1, 3


def _words(head: bytes) -> tuple[str, dict[str, int]] | None:
    """Return byte order and the words that matter, or None where they make no header.

    Numbered from 1 as in SPIDER's own documentation: 1 sections, 2 rows, 5 kind, 12 columns, 13 records of the header, 22
    bytes of the header, 23 bytes of a record, 24 whether a stack, 26 images in it.
    """
    if len(head) < 4 * _WORDS:
        return None
    for order in "<>":
        word = struct.unpack_from(f"{order}{_WORDS}f", head)
        needed = [word[k - 1] for k in (1, 2, 5, 12, 13, 22, 23, 24, 26)]
        if not all(abs(value) < 2**24 and value == int(value) for value in needed):
            continue
        names = ("sections", "rows", "kind", "columns", "records", "header", "record", "stack", "images")
        found = dict(zip(names, map(int, needed), strict=True))
        plausible = min(found["sections"], found["rows"], found["columns"], found["records"]) >= 1
        consistent = (
            found["record"] == 4 * found["columns"]
            and found["header"] == found["records"] * found["record"]
            and found["header"] >= 1024
        )
        if plausible and consistent and found["kind"] in (_IMAGE, _VOLUME):
            return order, found
    return None


def is_spider(head: bytes, file_bytes: int) -> bool:
    """Return whether the first bytes of a file are a SPIDER header."""
    found = _words(head)
    return found is not None and found[1]["header"] < file_bytes


def open_spider(source: BinaryIO, request: Request) -> OpenedFile:
    """Read the header of a SPIDER file and say how to get at its images; sections of a volume are images."""
    found = _words(source.read(1024))
    assert found is not None  # is_spider said so
    order, word = found
    height, width, header = word["rows"], word["columns"], word["header"]
    image_bytes = 4 * height * width
    stack = word["stack"] > 0
    count = max(1, word["images"]) if stack else word["sections"]
    numbers = select_numbers(count, height, width, request)
    between = header if stack else 0
    promised = header + count * (between + image_bytes)
    if promised > request.file_bytes:
        raise UnusableFileError(
            f"is cut short: its SPIDER header promises {promised} bytes, the file has {request.file_bytes}; copy it again"
        )

    def decode(number: int) -> NDArray[Any]:
        source.seek(header + (number - 1) * (between + image_bytes) + between)
        return np.frombuffer(source.read(image_bytes), order + "f4").reshape(height, width)

    return OpenedFile("SPIDER", count, height, width, numbers, None, (), decode)
