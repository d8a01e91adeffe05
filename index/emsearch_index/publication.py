"""Publication: a finished build becomes the current generation in one step, or not at all."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emsearch_index.errors import IndexCorruptError
from emsearch_index.generation import (
    CURRENT_NAME,
    Generation,
    generation_name,
    open_generation,
    read_generation,
)
from emsearch_index.manifest import MANIFEST_NAME, FileEntry, Manifest, hash_file, is_safe_name

__all__ = ["prune_generations", "publish"]

_UNFINISHED = ".tmp"


def publish(
    index_dir: Path,
    files: Mapping[str, Path],
    *,
    configuration: Mapping[str, Any],
    versions: Mapping[str, str],
) -> Generation:
    """Copy files into a new generation beside the old and make it the current one.

    Everything is written to a folder with a temporary name, flushed to disk, hashed again from what
    was written, renamed, and only then named by ``CURRENT``. A process killed in between leaves the
    old generation current and whole, and a ``*.tmp`` folder that `prune_generations` removes. Several
    processes may publish at once: one waits for the other, and the last one's generation is current.

    Parameters
    ----------
    index_dir
        The index folder; created where it is not there.
    files
        Names inside the generation (forward slashes) and the files to copy there.
    configuration
        JSON data that says how the index was built.
    versions
        Libraries and their versions.

    Raises
    ------
    ValueError
        A name that leads out of the generation.
    IndexCorruptError
        What was written is not what was read: a full or failing disk.
    """
    for name in files:
        if not is_safe_name(name):
            raise ValueError(f"{name!r} cannot be the name of an index file: it must stay in the generation")
    index_dir.mkdir(parents=True, exist_ok=True)
    with _locked(index_dir):
        unfinished = Path(tempfile.mkdtemp(prefix="gen-", suffix=_UNFINISHED, dir=index_dir))
        unfinished.chmod(0o755)  # mkdtemp's 0700 would hide a shared index from its readers
        try:
            final = index_dir / _write(unfinished, files, configuration, versions)
            unfinished.rename(final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _sync_folder(index_dir)
        _point_current(index_dir, final.name)
    return read_generation(final)


def prune_generations(index_dir: Path, keep: int = 2) -> tuple[str, ...]:
    """Remove all but the newest ``keep`` generations, never the current one; return what was removed.

    Leftovers of interrupted publications are removed as well. A process that still reads a removed
    generation keeps the files it has open; it cannot open further ones.
    """
    if keep < 1:
        raise ValueError(f"keep is {keep}: at least the current generation stays")
    with _locked(index_dir):
        current = open_generation(index_dir).name
        others = [path for path in index_dir.glob("gen-*") if path.is_dir() and path.name != current]
        leftovers = [path for path in others if path.suffix == _UNFINISHED]
        finished = sorted((path for path in others if path not in leftovers), key=_created, reverse=True)
        removed = leftovers + finished[keep - 1 :]
        for path in removed:
            _remove(path)
        (index_dir / f"{CURRENT_NAME}{_UNFINISHED}").unlink(missing_ok=True)
    return tuple(path.name for path in removed)


def _write(
    folder: Path, files: Mapping[str, Path], configuration: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    entries: dict[str, FileEntry] = {}
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        entries[name] = hash_file(source)
        shutil.copyfile(source, target)
        _sync_file(target)
    created = datetime.now(UTC).isoformat(timespec="microseconds")
    content = Manifest(created, entries, configuration, versions).to_json()
    (folder / MANIFEST_NAME).write_bytes(content)
    _sync_file(folder / MANIFEST_NAME)
    for name, entry in entries.items():
        if hash_file(folder / name) != entry:
            raise IndexCorruptError(
                f"{name} changed while it was copied to {folder}: check the disk, build again"
            )
    for inner in (path for path in folder.rglob("*") if path.is_dir()):
        _sync_folder(inner)
    _sync_folder(folder)
    return generation_name(content)


def _point_current(index_dir: Path, name: str) -> None:
    temporary = index_dir / f"{CURRENT_NAME}{_UNFINISHED}"
    temporary.write_text(f"{name}\n", encoding="ascii")
    _sync_file(temporary)
    temporary.replace(index_dir / CURRENT_NAME)
    _sync_folder(index_dir)


def _created(path: Path) -> str:
    try:
        return read_generation(path).manifest.created
    except IndexCorruptError:
        return ""  # a damaged generation goes first


def _remove(path: Path) -> None:
    # renamed first, so that an interrupted removal leaves no half generation under a good name
    doomed = path if path.suffix == _UNFINISHED else path.rename(path.with_name(f"{path.name}{_UNFINISHED}"))
    shutil.rmtree(doomed)


@contextmanager
def _locked(index_dir: Path) -> Iterator[None]:
    # a lock on the folder itself ends with the process, however it ends, and leaves no file behind
    descriptor = os.open(index_dir, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
