"""The process that decodes images from outside: ``python -m emsearch.particles.decoding JOBS``.

It runs apart from the search, confined by ``limits.confine``, because image decoders are large C libraries
that meet whatever a user was sent. ``decoder.py`` starts it and is its only reader.

Input: the jobs as JSON in the only argument, a list of objects: ``request``, and the numbers of the open descriptors of the
file and, where its format has two, of its mate.
Output, for each job: one JSON line, then for each image the byte ``+`` and height x width native float32. A failure is a
JSON line ``{"error": "..."}`` in place of the first line or, after the byte ``-``, in place of an image; its
text is the rest of a sentence that begins with the file's name.
"""

import json
import os
import sys
import warnings
from typing import Any, BinaryIO

import numpy as np

from emsearch.particles.compressed_files import COMPRESSIONS, inflated
from emsearch.particles.eman2_images import open_eman2
from emsearch.particles.encoded_images import open_encoded
from emsearch.particles.imagic_images import open_imagic
from emsearch.particles.limits import confine
from emsearch.particles.mrc_images import HEADER_BYTES, open_mrc
from emsearch.particles.opened_file import OpenedFile, Request, UnusableFileError
from emsearch.particles.spider_images import is_spider, open_spider

__all__ = ["main", "open_image_file"]

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\x89HDF\r\n\x1a\n": "EMAN2",
}
_FOREIGN = {
    b"PK\x03\x04": "is a zip archive; unpack it first",
    b"\x93NUMPY": "is a NumPy file; a cryoSPARC .cs file is searched with emsearch batch",
}


def main(argument: str, sink: BinaryIO) -> None:
    """Decode what the jobs in ``argument`` ask for and write the answers to ``sink``."""
    jobs = [(Request.from_json(job["request"]), job["file"], job["mate"]) for job in json.loads(argument)]
    confine(jobs[0][0].limits)
    warnings.simplefilter("ignore")  # standard error leads nowhere
    for request, file, mate in jobs:
        source = os.fdopen(file, "rb")
        _answer(request, source, os.fdopen(mate, "rb") if mate is not None else None, sink)


def _answer(request: Request, source: BinaryIO, mate: BinaryIO | None, sink: BinaryIO) -> None:
    try:
        opened = open_image_file(source, request, mate)
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


def open_image_file(source: BinaryIO, request: Request, mate: BinaryIO | None = None) -> OpenedFile:
    """Tell the format of ``source``, which stands at its start, and read its header; ``mate`` is an IMAGIC pair's pixels."""
    if mate is not None:
        return open_imagic(source, mate, request)
    head = source.read(HEADER_BYTES)
    source.seek(0)
    for magic, compression in COMPRESSIONS.items():
        if head.startswith(magic):
            content, whole = inflated(source, compression, request)
            return open_image_file(content, whole)
    name = _format_of(head, request.file_bytes)
    if name == "MRC":
        return open_mrc(source, request)
    if name == "EMAN2":
        return open_eman2(source, request)
    return open_spider(source, request) if name == "SPIDER" else open_encoded(source, name, request)


def _format_of(head: bytes, file_bytes: int) -> str:
    """Tell the format by content; a suffix is only a name."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[208:211] == b"MAP":
        return "MRC"
    for magic, sentence in _FOREIGN.items():
        if head.startswith(magic):
            raise UnusableFileError(sentence)
    if is_spider(head, file_bytes):
        return "SPIDER"
    if b"\0" not in head and head.isascii():
        raise UnusableFileError("is a text file; an image (PNG, TIFF, JPEG, MRC, HDF or SPIDER) is needed")
    raise UnusableFileError(
        "is not PNG, TIFF, JPEG, MRC (with MAP at byte 208), EMAN2 HDF or SPIDER; convert it to one of these"
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.stdout.buffer)
