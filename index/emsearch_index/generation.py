"""Generations: opening an index and checking every file against its manifest before it is used.

An index folder holds ``CURRENT``, one line that names a generation ``gen-<hash>/`` beside it, where hash is
the start of the SHA-256 of the generation's ``manifest.json``. A generation is never edited.
"""

import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from emsearch_index.errors import IndexCorruptError, IndexMissingError
from emsearch_index.manifest import MANIFEST_NAME, FileEntry, Manifest, hash_file

__all__ = [
    "CURRENT_NAME",
    "FileCheck",
    "Generation",
    "VerifyReport",
    "default_index_dir",
    "generation_name",
    "open_generation",
    "read_generation",
    "verify",
]

CURRENT_NAME = "CURRENT"
_GENERATION = re.compile(r"gen-[0-9a-f]{16}")
_MANIFEST_LIMIT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Generation:
    """One immutable state of an index: its folder, its name ``gen-<hash>`` and its manifest."""

    path: Path
    name: str
    manifest: Manifest

    @property
    def configuration(self) -> Mapping[str, Any]:
        """How the index was built."""
        return self.manifest.configuration

    def file(self, name: str) -> Path:
        """Return the path of a file after hashing it against the manifest (once per process and content).

        Raises
        ------
        IndexCorruptError
            The manifest does not list the file, or the file is not what the manifest says.
        """
        entry = self.manifest.files.get(name)
        if entry is None:
            listed = ", ".join(sorted(self.manifest.files))
            raise IndexCorruptError(f"the index {self.path} has no file {name!r}: it lists {listed}")
        check = _check(self.path, name, entry, cached=True)
        if check.state != "ok":
            raise IndexCorruptError(
                f"index file {self.path / name}: {check.detail}; restore or rebuild the index"
            )
        return self.path / name


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What `verify` found of one file; ``detail`` says what is wrong with it, if anything is."""

    name: str
    state: Literal["ok", "wrong", "missing", "unlisted"]
    detail: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Every file of a generation with its state."""

    generation: str
    files: tuple[FileCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every listed file is there and right; a stray file that nothing opens does no harm."""
        return all(check.state in ("ok", "unlisted") for check in self.files)


def default_index_dir() -> Path:
    """Return the index to use when none is named: ``EMSEARCH_INDEX``, else the one that ships."""
    named = os.environ.get("EMSEARCH_INDEX")
    return Path(named) if named else Path(__file__).parent / "default"


def generation_name(manifest: bytes) -> str:
    """Return ``gen-`` and the first 16 digits of the SHA-256 of a manifest's bytes."""
    return f"gen-{hashlib.sha256(manifest).hexdigest()[:16]}"


def open_generation(index_dir: Path) -> Generation:
    """Open the generation that ``CURRENT`` names, and check its manifest against its name.

    Raises
    ------
    IndexMissingError
        ``index_dir`` is not there or holds no ``CURRENT``.
    IndexCorruptError
        ``CURRENT`` names nothing or a path elsewhere, or the manifest is damaged or of another format.
    """
    try:
        with (index_dir / CURRENT_NAME).open("rb") as stream:
            current = stream.read(256)
    except OSError as error:
        raise IndexMissingError(
            f"no emsearch index at {index_dir} (no readable {CURRENT_NAME}): build one or name its folder"
        ) from error
    name = current.decode("ascii", "backslashreplace")
    if not name.endswith("\n") or not _GENERATION.fullmatch(name[:-1]):
        raise IndexCorruptError(
            f"{index_dir / CURRENT_NAME} holds {name!r} where the name of a generation is expected: "
            "restore or rebuild the index"
        )
    return read_generation(index_dir / name[:-1])


def read_generation(path: Path) -> Generation:
    """Read a generation's manifest; errors as `open_generation`."""
    try:
        with (path / MANIFEST_NAME).open("rb") as stream:
            content = stream.read(_MANIFEST_LIMIT_BYTES)
    except OSError as error:
        raise IndexCorruptError(
            f"the generation {path} has no readable {MANIFEST_NAME}: restore or rebuild the index"
        ) from error
    if generation_name(content) != path.name:
        raise IndexCorruptError(
            f"{path / MANIFEST_NAME} was changed after it was written: restore or rebuild the index"
        )
    return Generation(path, path.name, Manifest.from_json(content))


def verify(index_dir: Path) -> VerifyReport:
    """Read every byte of the current generation and report on each file; errors as `open_generation`."""
    generation = open_generation(index_dir)
    listed = generation.manifest.files
    checks = [_check(generation.path, name, entry, cached=False) for name, entry in sorted(listed.items())]
    for name in sorted(_files(generation.path)):
        if name not in listed and name != MANIFEST_NAME:
            checks.append(FileCheck(name, "unlisted", "the manifest does not list it"))
    return VerifyReport(generation.name, tuple(checks))


def _check(folder: Path, name: str, entry: FileEntry, *, cached: bool) -> FileCheck:
    path = folder / name
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or not path.resolve().is_relative_to(folder.resolve()):
            return FileCheck(name, "wrong", "not a regular file of the index")  # a FIFO would hang the reader
        if status.st_size != entry.bytes:
            return FileCheck(name, "wrong", f"{status.st_size} bytes where {entry.bytes} are expected")
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        found = _hash_once(path, identity) if cached else hash_file(path)
    except FileNotFoundError:
        return FileCheck(name, "missing", "it is not there")
    except OSError as error:
        return FileCheck(name, "wrong", f"it cannot be read ({error.strerror})")
    if found != entry:
        return FileCheck(name, "wrong", "its content is not what the manifest's SHA-256 says")
    companion = _companion(path)
    if companion is not None:
        return FileCheck(
            name, "wrong", f"{companion} beside it would be opened with it and is not in the index"
        )
    return FileCheck(name, "ok", "")


@lru_cache(maxsize=1024)
def _hash_once(path: Path, identity: tuple[int, ...]) -> FileEntry:
    # identity is part of the key only: a file that is replaced or written to is hashed again
    return hash_file(path)


def _companion(path: Path) -> str | None:
    # DuckDB replays catalogue.duckdb.wal, hashed or not, when it opens catalogue.duckdb
    for other in path.parent.iterdir():
        if other.name.startswith(f"{path.name}."):
            return other.name
    return None


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(folder).as_posix()
