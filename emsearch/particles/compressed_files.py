"""Files compressed as a whole, by gzip or bzip2: inflated into memory, so far and no further."""

import bz2
import gzip
import io
import zlib
from dataclasses import replace
from typing import BinaryIO

from emsearch.particles.opened_file import Request, UnusableFileError

__all__ = ["COMPRESSIONS", "inflated"]

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2"}
"""First bytes of compressed files, and what they are compressed with."""

_PIECE = 2**20


def inflated(source: BinaryIO, compression: str, request: Request) -> tuple[BinaryIO, Request]:
    """Return the content of a compressed file, and the request with its size.

    Raises UnusableFileError where the content is larger than ``request.limits.encoded_bytes`` or damaged.
    """
    stream = gzip.GzipFile(fileobj=source) if compression == "gzip" else bz2.BZ2File(source)
    content = io.BytesIO()
    most = request.limits.encoded_bytes
    try:
        while piece := stream.read(_PIECE):
            content.write(piece)
            if content.tell() > most:
                raise UnusableFileError(
                    f"inflates to more than {most} bytes; decompress it yourself if you trust it"
                )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UnusableFileError(f"is damaged or cut short ({compression}: {error}); copy it again") from error
    if any(content.getvalue().startswith(magic) for magic in COMPRESSIONS):
        raise UnusableFileError("is compressed twice; decompress it once")
    whole = replace(request, file_bytes=content.tell())
    content.seek(0)
    return content, whole
