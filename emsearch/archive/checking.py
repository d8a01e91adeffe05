"""Is this file the whole of the entry that was asked for?"""

import gzip
import hashlib
import zlib
from pathlib import Path

__all__ = ["flaw_of", "sha256_of"]

_PIECE_BYTES = 1 << 20
_LARGEST_INFLATED_BYTES = 16 << 30
_HEAD_BYTES = 4096


def flaw_of(path: Path, identifier: str) -> str | None:
    """Return what is wrong with a gzipped mmCIF file, None where nothing is.

    The checksum and length at the end of the gzip stream are compared with all of what it inflates to, which is read
    in pieces and not kept; the first data block must be that of the entry.
    """
    head, inflated = b"", 0
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                head = head or piece[:_HEAD_BYTES]
                inflated += len(piece)
                if inflated > _LARGEST_INFLATED_BYTES:
                    return f"inflates to more than {_LARGEST_INFLATED_BYTES >> 30} GiB"
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError) as error:
        return f"is no whole gzip file ({error})"
    block = next((line for line in head.splitlines() if line.lower().startswith(b"data_")), b"")
    if block.strip().lower() not in (
        f"data_{name}".encode() for name in (identifier, f"pdb_0000{identifier}")
    ):
        found = block.decode("ascii", "replace").strip()[:40] or "no data block"
        return f"begins with {found}, not with data_{identifier.upper()}"
    return None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
