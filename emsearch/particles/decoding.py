"""The process that decodes an image from outside: ``python -m emsearch.particles.decoding REQUEST < FILE``.

It runs apart from the search, confined by ``limits.confine``, because image decoders are large C libraries
that meet whatever a user was sent. ``decoder.py`` starts it and is its only reader.

Input: the file on standard input (seekable), the request as JSON in the only argument.
Output: one JSON line, then for each image the byte ``+`` and height x width native float32. A failure is a
JSON line ``{"error": "..."}`` in place of the first line or, after the byte ``-``, in place of an image; its
text is the rest of a sentence that begins with the file's name.
"""

import json
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np

from emsearch.particles.encoded_images import open_encoded
from emsearch.particles.limits import confine
from emsearch.particles.mrc_images import HEADER_BYTES, open_mrc
from emsearch.particles.opened_file import OpenedFile, Request, UnusableFileError

__all__ = ["main", "open_image_file"]

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_FOREIGN = {
    b"\x1f\x8b": "is compressed with gzip; decompress it first",
    b"BZh": "is compressed with bzip2; decompress it first",
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\x89HDF\r\n\x1a\n": "is an HDF5 file; convert it to an MRC stack first",
}


def main(argument: str, source: BinaryIO, sink: BinaryIO) -> None:
    """Decode ``source`` as the request in ``argument`` says and write the answer to ``sink``."""
    request = Request.from_json(argument)
    confine(request.limits)
    warnings.simplefilter("ignore")  # standard error leads nowhere
    try:
        opened = open_image_file(source, request)
    except UnusableFileError as problem:
        sink.write(_line({"error": str(problem)}))
        return
    sink.write(_line(opened.header()))
    try:
        for number in opened.numbers:
            with np.errstate(over="ignore"):  # becomes infinite, which the reader reports
                pixels = np.ascontiguousarray(opened.decode(number), dtype=np.float32)
            sink.write(b"+")
            sink.write(pixels.data.cast("B"))
    except UnusableFileError as problem:
        sink.write(b"-" + _line({"error": str(problem)}))


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def open_image_file(source: BinaryIO, request: Request) -> OpenedFile:
    """Tell the format of ``source``, which stands at its start, and read its header."""
    head = source.read(HEADER_BYTES)
    source.seek(0)
    name = _format_of(head)
    return open_mrc(source, request) if name == "MRC" else open_encoded(source, name, request)


def _format_of(head: bytes) -> str:
    """Tell the format by content; a suffix is only a name."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[208:211] == b"MAP":
        return "MRC"
    for magic, sentence in _FOREIGN.items():
        if head.startswith(magic):
            raise UnusableFileError(sentence)
    if b"\0" not in head and head.isascii():
        raise UnusableFileError("is a text file; an image (PNG, TIFF, JPEG or MRC) is needed")
    raise UnusableFileError(
        "is not PNG, TIFF, JPEG or MRC (with MAP at byte 208); convert it to one of these"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
