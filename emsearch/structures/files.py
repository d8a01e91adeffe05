"""Bytes of an untrusted file: regular, of bounded size, unpacked under a bound."""

import gzip
import hashlib
import io
import os
import stat
import zlib
from pathlib import Path

from emsearch.structures.errors import StructureError

__all__ = ["FILE_BYTES_MAX", "UNPACKED_BYTES_MAX", "base_name", "read_file"]

FILE_BYTES_MAX = 1 << 30
UNPACKED_BYTES_MAX = 1 << 30
_CHUNK_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


def base_name(path: Path) -> str:
    """Return the file name in lower case without a final ``.gz``.

    >>> base_name(Path("x/6CVM.cif.gz"))
    '6cvm.cif'
    """
    return path.name.lower().removesuffix(".gz")


def _read_regular(path: Path) -> bytes:
    try:  # O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise StructureError(f"{path.name}: cannot be opened ({error.strerror}).") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise StructureError(f"{path.name}: is not a regular file; give a structure or map file.")
        if status.st_size == 0:
            raise StructureError(f"{path.name}: the file is empty.")
        if status.st_size > FILE_BYTES_MAX:
            raise StructureError(
                f"{path.name}: {status.st_size:,} bytes, more than the {FILE_BYTES_MAX:,} that are read."
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(FILE_BYTES_MAX)
    finally:
        os.close(descriptor)


def _gunzip(packed: bytes, name: str) -> bytes:
    """Unpack a gzip file chunk by chunk, stopping at ``UNPACKED_BYTES_MAX``."""
    parts: list[bytes] = []
    total = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
            while part := stream.read(_CHUNK_BYTES):
                total += len(part)
                if total > UNPACKED_BYTES_MAX:
                    raise StructureError(
                        f"{name}: unpacks to more than the {UNPACKED_BYTES_MAX:,} bytes that are read."
                    )
                parts.append(part)
    except EOFError as error:
        raise StructureError(f"{name}: the gzip data end too early; fetch the file again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise StructureError(f"{name}: damaged gzip data; fetch the file again.") from error
    return b"".join(parts)


def read_file(path: Path) -> tuple[bytes, str]:
    """Read a file, unpacking gzip where its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        A regular file of at most ``FILE_BYTES_MAX`` bytes.

    Returns
    -------
    content : bytes
        The content, unpacked.
    sha256 : str
        Of the file as it lies on disk.

    Raises
    ------
    StructureError
        Not a regular file, empty, too large, or damaged or endless gzip data.
    """
    stored = _read_regular(path)
    digest = hashlib.sha256(stored).hexdigest()
    if not path.name.lower().endswith(".gz"):
        return stored, digest
    if not stored.startswith(_GZIP_MAGIC):
        raise StructureError(f"{path.name}: the name ends in .gz but the content is not gzip.")
    content = _gunzip(stored, path.name)
    if not content:
        raise StructureError(f"{path.name}: the file is empty once unpacked.")
    return content, digest
