"""The manifest of an index generation: which files it has, their hashes, and how it was made."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from emsearch_index.errors import IndexCorruptError

__all__ = ["FORMAT_VERSION", "MANIFEST_NAME", "FileEntry", "Manifest", "hash_file", "is_safe_name"]

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
_BLOCK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file must be: its SHA-256 (hexadecimal) and its size in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of ``manifest.json``.

    ``files`` maps names relative to the generation, with forward slashes; ``created`` is ISO 8601 in UTC;
    ``configuration`` is JSON data of the build; ``versions`` maps libraries to versions.
    """

    created: str
    files: Mapping[str, FileEntry]
    configuration: Mapping[str, Any]
    versions: Mapping[str, str]

    def to_json(self) -> bytes:
        """Return the bytes of ``manifest.json``: keys sorted, so that equal manifests are equal bytes."""
        data = {
            "format_version": FORMAT_VERSION,
            "created": self.created,
            "files": {name: {"sha256": e.sha256, "bytes": e.bytes} for name, e in self.files.items()},
            "configuration": dict(self.configuration),
            "versions": dict(self.versions),
        }
        return (json.dumps(data, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Manifest":
        """Read the bytes of ``manifest.json``.

        Raises
        ------
        IndexCorruptError
            It is not JSON, lacks a part, names a file outside the generation, or is of another format.
        """
        try:
            data = json.loads(content)
            version = data["format_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise IndexCorruptError(f"{MANIFEST_NAME} is not an index manifest: rebuild the index") from error
        if version != FORMAT_VERSION:
            raise IndexCorruptError(
                f"the index has format {version!r} and this emsearch reads format {FORMAT_VERSION}: "
                "rebuild the index or install the matching emsearch"
            )
        try:
            files = {name: _entry(name, entry) for name, entry in data["files"].items()}
            return cls(data["created"], files, dict(data["configuration"]), dict(data["versions"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise IndexCorruptError(f"{MANIFEST_NAME} lacks a part or has a wrong one: {error}") from error


def hash_file(path: Path) -> FileEntry:
    """Return SHA-256 and size of a file, reading it block by block; OSError where it cannot be read."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return FileEntry(digest.hexdigest(), size)


def is_safe_name(name: str) -> bool:
    r"""Tell whether a file name stays inside its generation and is no part of the format itself.

    >>> is_safe_name("large/views.faiss"), is_safe_name("../CURRENT"), is_safe_name("/etc/passwd")
    (True, False, False)
    """
    path = PurePosixPath(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and name == str(path) and name != MANIFEST_NAME and not set(name) & set("\\:\0")


def _entry(name: str, entry: Mapping[str, Any]) -> FileEntry:
    if not is_safe_name(name):
        raise ValueError(f"file name {name!r} leads out of the index")
    sha256, size = entry["sha256"], entry["bytes"]
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError(f"the SHA-256 of {name} is {sha256!r}")
    if not isinstance(size, int) or size < 0:
        raise ValueError(f"the size of {name} is {size!r}")
    return FileEntry(sha256, size)
